/**
 * A checkpoint's tensors on the GPU, each uploaded once and read by every graph. It knows names and files, not what
 * graphs do with them.
 */
import { closeSync, openSync } from "node:fs";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { readAt } from "../../../disk/read-at.ts";
import type { Locate } from "../layer-weights.ts";
import type { Device } from "./device.ts";

export class DeviceWeights {
  readonly #device: Device;
  readonly #locate: Locate;
  readonly #held = new Map<string, Promise<Tensor>>();

  constructor(device: Device, locate: Locate) {
    this.#device = device;
    this.#locate = locate;
  }

  /** The graph's inputs that are tensors of the checkpoint, by name. */
  async feeds(session: InferenceSession): Promise<Record<string, Tensor>> {
    const found: Record<string, Tensor> = {};
    for (const { name } of session.inputMetadata) {
      if (isWeight(name)) found[name] = await this.read(session, name, name);
    }
    return found;
  }

  /** The checkpoint's tensor `name` for the graph's input `slot`, which says its type and shape. */
  read(session: InferenceSession, slot: string, name: string): Promise<Tensor> {
    const known = this.#held.get(name);
    if (known) return known;
    const metadata = session.inputMetadata.find((input) => input.name === slot);
    if (!metadata?.isTensor) throw new Error(`Cannot read ${name} for the input ${slot}`);
    const { type, shape } = metadata;
    const bytes = this.#readFile(name);
    const data = type === "float32" ? new Float32Array(bytes) : new Uint8Array(bytes);
    const uploaded = this.#device.upload(new Tensor(type, data as Float32Array, shape as number[]));
    this.#held.set(name, uploaded);
    return uploaded;
  }

  /** Nothing is freed: other graphs read the same tensors. */
  close(): void {}

  async dispose(): Promise<void> {
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const tensor of held) (await tensor).dispose();
  }

  #readFile(name: string): ArrayBuffer {
    const { path, byteOffset, byteLength } = this.#locate(name);
    const bytes = new Uint8Array(byteLength);
    const file = openSync(path, "r");
    try {
      if (readAt(file, bytes, byteOffset) < byteLength) {
        throw new Error(`Cannot read ${name}: ${path} ends before it`);
      }
    } finally {
      closeSync(file);
    }
    return bytes.buffer;
  }
}

/** Whether a graph's input is a tensor of the checkpoint. */
function isWeight(name: string): boolean {
  return name.startsWith("model.") || name.startsWith("lm_head.");
}
