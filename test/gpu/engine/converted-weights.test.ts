/** Weights converted on disk: the right numbers, with little memory, and either whole or not there. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@rosa2/shared/random";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { openCheckpoint, tensorShapes } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { readModelConfig } from "../../../gpu-service/src/checkpoint/model-config.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { encodeSafetensors } from "../../../gpu-service/src/checkpoint/write-safetensors.ts";
import { quantizeMatrix } from "../../../gpu-service/src/compiler/decoder/quantize.ts";
import {
  convertedFloat32,
  convertedIntegers,
} from "../../../gpu-service/src/engine/model/converted-weights.ts";

const mebibyte = 1_048_576;
const root = mkdtempSync(join(tmpdir(), "rosa2-kept-"));
const directory = join(root, "model");
/** 25 million parameters: 50 MB as bf16, 101 MB as fp32. */
const config = {
  model_type: "llama",
  vocab_size: 48_000,
  hidden_size: 512,
  intermediate_size: 300,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
};
const embeddings = "model.embed_tokens.weight";

beforeAll(() => {
  mkdirSync(directory);
  // bf16 of ±[0.25, 1). The length is prime, so a misplaced piece of the file would show.
  const random = seededRandom("kept weights");
  const pattern = Uint16Array.from(
    { length: 65_521 },
    () => 0x3e80 | (Math.floor(random() * 65_536) & 0x80ff),
  );
  const tensors = [...tensorShapes(readModelConfig(config))].map(([name, shape]) => {
    const data = new Uint16Array(shape.reduce((product, size) => product * size, 1));
    for (let at = 0; at < data.length; at += pattern.length)
      data.set(pattern.subarray(0, data.length - at), at);
    return { name, dtype: "BF16" as const, shape, data };
  });
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeFileSync(join(directory, "model.safetensors"), encodeSafetensors(tensors));
}, 60_000);
beforeEach(() => {
  process.env.ROSA2_CACHE = mkdtempSync(join(root, "cache-"));
});
afterAll(() => {
  delete process.env.ROSA2_CACHE;
  rmSync(root, { recursive: true });
});

const keptFolder = () => join(process.env.ROSA2_CACHE!, openCheckpoint(directory).digest);

it("keeps the numbers of every tensor in fp32, also of tensors in many pieces", () => {
  const checkpoint = openCheckpoint(directory);
  const locate = convertedFloat32(checkpoint);
  for (const name of tensorShapes(checkpoint.config).keys()) {
    const kept = openSafetensors(locate(name).path).read(name);
    const { buffer } = checkpoint.tensor(name);
    expect(Buffer.compare(kept, new Uint8Array(buffer)), name).toBe(0);
  }
});

it.each([8, 4] as const)("keeps the integers of the whole matrix at %i bits", (bits) => {
  const checkpoint = openCheckpoint(directory);
  const locate = convertedIntegers(checkpoint, bits);
  const { packed, scales } = quantizeMatrix(checkpoint.tensor(embeddings), 512, bits);
  const file = openSafetensors(locate(`${embeddings}#packed`).path);
  expect(Buffer.compare(file.read(`${embeddings}#packed`), packed)).toBe(0);
  expect(Buffer.compare(file.read(`${embeddings}#scales`), new Uint8Array(scales.buffer))).toBe(0);
  const zeros = file.read(`${embeddings}#zeros`);
  expect(zeros).toHaveLength((scales.length * bits) / 8);
  expect(zeros.every((byte) => byte === (bits === 8 ? 128 : 0x88))).toBe(true);
});

// VmHWM rather than getrusage, because there a process starts with its parent's peak.
it.runIf(process.platform === "linux")("needs little memory, whatever the model's size", () => {
  const source = (name: string) =>
    new URL(`../../../gpu-service/src/${name}`, import.meta.url).href;
  const script = `
    const { readFileSync } = await import("node:fs");
    const { openCheckpoint } = await import("${source("checkpoint/checkpoint.ts")}");
    const { mapWeights } = await import("${source("engine/model/weights.ts")}");
    const checkpoint = openCheckpoint("${directory}");
    const peakKib = () => Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    const before = peakKib();
    mapWeights(checkpoint, 4);
    console.log(peakKib() - before);
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script]);
  const grownKib = Number(output.toString());
  expect(grownKib).toBeGreaterThan(0);
  // A few pieces of 4 MiB and compiled code; the fp32 weights once would be 101 MB.
  expect(grownKib * 1024).toBeLessThan(60 * mebibyte);
  expect(readdirSync(keptFolder()).sort()).toEqual(["float32-1.safetensors", "int4-2.safetensors"]);
});

it("makes anew what a crash left unfinished, and leaves alone what another process is writing", () => {
  const folder = keptFolder();
  mkdirSync(folder, { recursive: true });
  const host = hostname().replace(/[^\w-]/g, "_");
  const { pid: gone } = JSON.parse(
    execFileSync(process.execPath, ["-p", "JSON.stringify({ pid: process.pid })"]).toString(),
  );
  const left = `float32-1.safetensors.${host}-${gone}.part`;
  const busy = `float32-1.safetensors.${host}-${process.ppid}.part`;
  writeFileSync(join(folder, left), "half");
  writeFileSync(join(folder, busy), "half");
  writeFileSync(join(folder, "float32-1.safetensors"), "cut");
  const checkpoint = openCheckpoint(directory);
  const { path } = convertedFloat32(checkpoint)("model.norm.weight");
  expect(readdirSync(folder).sort()).toEqual(["float32-1.safetensors", busy]);
  expect([...openSafetensors(path).readFloat32("model.norm.weight")]).toEqual([
    ...checkpoint.tensor("model.norm.weight"),
  ]);
});

it("leaves nothing behind when the disk refuses", () => {
  const file = join(root, "not a folder");
  writeFileSync(file, "");
  process.env.ROSA2_CACHE = file;
  expect(() => convertedFloat32(openCheckpoint(directory))).toThrow(
    /Cannot keep converted weights/,
  );
});
