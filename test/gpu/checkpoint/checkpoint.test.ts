/** A checkpoint directory: its tensors, its shards, its digest, and the errors of a faulty one. */
import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  type Checkpoint,
  openCheckpoint,
  tensorShapes,
} from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import {
  encodeSafetensors,
  type TensorData,
} from "../../../gpu-service/src/checkpoint/write-safetensors.ts";
import { fixtureFolder, fixtureNames } from "../compiler/golden.ts";
import { errorOf } from "../support/error-of.ts";

const root = mkdtempSync(join(tmpdir(), "rosa2-checkpoint-"));
afterAll(() => rmSync(root, { recursive: true }));

/** A copy of a fixture in a folder of its own. */
function copyOf(fixture: string): string {
  const folder = mkdtempSync(join(root, `${fixture}-`));
  cpSync(fixtureFolder(fixture), folder, { recursive: true });
  return folder;
}

type Json = Record<string, unknown>;

function editJson(folder: string, name: string, edit: (json: Json) => Json): void {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(edit(JSON.parse(readFileSync(path, "utf8")))));
}

/** Rewrites model.safetensors after an edit of its tensors. */
function editTensors(folder: string, edit: (tensors: TensorData[]) => TensorData[]): void {
  const path = join(folder, "model.safetensors");
  const file = openSafetensors(path);
  const tensors = file.names.map((name) => ({ name, ...file.info(name), data: file.read(name) }));
  writeFileSync(path, encodeSafetensors(edit(tensors)));
}

describe("opening a directory", () => {
  it.each(fixtureNames)(
    "opens what transformers saved (%s) and reads every tensor it lists",
    (fixture) => {
      const checkpoint = openCheckpoint(fixtureFolder(fixture));
      let parameters = 0;
      for (const [name, shape] of tensorShapes(checkpoint.config)) {
        const length = shape.reduce((a, b) => a * b);
        expect(checkpoint.tensor(name)).toHaveLength(length);
        expect(checkpoint.location(name).shape).toEqual(shape);
        parameters += length;
      }
      expect(checkpoint.parameterCount).toBe(parameters);
    },
  );

  it("tells where a tensor's bytes lie in its file", () => {
    const checkpoint = openCheckpoint(fixtureFolder("llama-bf16"));
    const { path, byteOffset, byteLength, dtype } = checkpoint.location("model.norm.weight");
    const bytes = readFileSync(path).subarray(byteOffset, byteOffset + byteLength);
    expect(dtype).toBe("BF16");
    expect(checkpoint.tensor("model.norm.weight")[0]).toBe(
      new Float32Array(Uint32Array.of(bytes.readUInt16LE(0) << 16).buffer)[0],
    );
  });

  it("throws for a name that is not there", () => {
    const checkpoint = openCheckpoint(fixtureFolder("llama-tied"));
    expect(checkpoint.has("lm_head.weight")).toBe(false);
    expect(checkpoint.has("constructor")).toBe(false);
    expect(errorOf(() => checkpoint.tensor("lm_head.weight")).code).toBe("checkpoint_invalid");
  });

  it("reads generation_config.json where there is one", () => {
    const folder = copyOf("llama");
    writeFileSync(join(folder, "generation_config.json"), '{"eos_token_id":[5,2]}');
    expect(openCheckpoint(folder).config.eosIds).toEqual([5, 2]);
    writeFileSync(join(folder, "generation_config.json"), "{");
    expect(errorOf(() => openCheckpoint(folder)).message).toContain("generation_config.json");
  });

  it("follows links to files elsewhere, which the hub's cache makes", () => {
    const folder = mkdtempSync(join(root, "links-"));
    for (const name of ["config.json", "model.safetensors"])
      symlinkSync(join(fixtureFolder("llama"), name), join(folder, name));
    expect(openCheckpoint(folder).digest).toBe(openCheckpoint(fixtureFolder("llama")).digest);
  });

  it.each([
    ["no directory", (folder: string) => rmSync(folder, { recursive: true }), "config.json"],
    ["no config", (folder: string) => rmSync(join(folder, "config.json")), "config.json"],
    [
      "a config that is not JSON",
      (folder: string) => writeFileSync(join(folder, "config.json"), "{"),
      "config.json",
    ],
    ["no weights", (folder: string) => rmSync(join(folder, "model.safetensors")), "neither"],
    [
      "an empty weight file",
      (folder: string) => writeFileSync(join(folder, "model.safetensors"), ""),
      "0 bytes",
    ],
  ])("refuses %s", (_, damage, message) => {
    const folder = copyOf("llama");
    damage(folder);
    const error = errorOf(() => openCheckpoint(folder));
    expect(error.code).toBe("checkpoint_invalid");
    expect(error.message).toContain(message);
  });

  it.each(["pytorch_model.bin", "consolidated.00.pth", "model-q4.gguf"])(
    "says that %s is no weight file that it reads, and ignores it beside one that it reads",
    (name) => {
      const folder = copyOf("llama");
      writeFileSync(join(folder, name), "");
      expect(() => openCheckpoint(folder)).not.toThrow();
      rmSync(join(folder, "model.safetensors"));
      expect(errorOf(() => openCheckpoint(folder))).toMatchObject({
        code: "checkpoint_unsupported",
        param: name,
      });
    },
  );

  it("names a missing tensor with the shape it should have", () => {
    const folder = copyOf("qwen2");
    const name = "model.layers.1.self_attn.k_proj.bias";
    editTensors(folder, (tensors) => tensors.filter((tensor) => tensor.name !== name));
    expect(errorOf(() => openCheckpoint(folder))).toMatchObject({
      code: "checkpoint_invalid",
      message: `Cannot open checkpoint: tensor "${name}" [16] is missing`,
    });
  });

  it("names a misshapen tensor with both shapes", () => {
    const folder = copyOf("llama");
    editJson(folder, "config.json", (config) => ({ ...config, intermediate_size: 64 }));
    expect(errorOf(() => openCheckpoint(folder)).message).toBe(
      'Cannot open checkpoint: tensor "model.layers.0.mlp.gate_proj.weight" has shape [48,32], expected [64,32]',
    );
  });

  it("asks for the head only where embeddings are not tied", () => {
    const folder = copyOf("llama-tied");
    editJson(folder, "config.json", (config) => ({ ...config, tie_word_embeddings: false }));
    expect(errorOf(() => openCheckpoint(folder)).message).toContain('"lm_head.weight" [64,32]');
  });

  it("refuses weights of a type whose meaning it would have to guess", () => {
    const folder = copyOf("llama");
    editTensors(folder, (tensors) =>
      tensors.map((tensor) =>
        tensor.name === "model.norm.weight"
          ? { ...tensor, dtype: "I8", data: new Uint8Array(32) }
          : tensor,
      ),
    );
    expect(errorOf(() => openCheckpoint(folder))).toMatchObject({
      code: "checkpoint_unsupported",
      message: expect.stringContaining('"model.norm.weight" has dtype "I8"'),
    });
  });

  it("ignores tensors that the model does not use", () => {
    const folder = copyOf("llama");
    editTensors(folder, (tensors) => [
      ...tensors,
      {
        name: "model.layers.0.self_attn.rotary_emb.inv_freq",
        dtype: "F32",
        shape: [8],
        data: new Float32Array(8),
      },
    ]);
    expect(openCheckpoint(folder).parameterCount).toBe(
      openCheckpoint(fixtureFolder("llama")).parameterCount,
    );
  });
});

describe("shards", () => {
  const index = "model.safetensors.index.json";
  const setShard = (folder: string, tensor: string, shard: unknown): void =>
    editJson(folder, index, (json) => ({
      ...json,
      weight_map: { ...(json.weight_map as Json), [tensor]: shard },
    }));

  it.each([
    "../llama/model.safetensors",
    "/etc/passwd",
    "..\\model.safetensors",
    "sub/model.safetensors",
    "file:///x.safetensors",
    ".hidden.safetensors",
    "model.bin",
    "",
    7,
  ])("refuses an index that points at %o", (shard) => {
    const folder = copyOf("llama-bf16");
    setShard(folder, "model.norm.weight", shard);
    const error = errorOf(() => openCheckpoint(folder));
    expect(error.code).toBe("checkpoint_invalid");
    expect(error.message).toContain("model.norm.weight");
  });

  it("names a missing shard, and reads each tensor where it is, whatever the index says", () => {
    const folder = copyOf("llama-bf16");
    setShard(folder, "model.norm.weight", "model-00001-of-00003.safetensors");
    setShard(folder, "model.layers.7.gone.weight", "model-00001-of-00003.safetensors");
    setShard(folder, "vision_tower.gone.weight", "model-00009-of-00003.safetensors");
    expect(openCheckpoint(folder).tensor("model.norm.weight")).toEqual(
      openCheckpoint(fixtureFolder("llama-bf16")).tensor("model.norm.weight"),
    );
    rmSync(join(folder, "model-00002-of-00003.safetensors"));
    expect(errorOf(() => openCheckpoint(folder)).message).toContain(
      '"model-00002-of-00003.safetensors" is missing',
    );
  });

  it("refuses a shard that was cut short", () => {
    const folder = copyOf("llama-bf16");
    const path = join(folder, "model-00003-of-00003.safetensors");
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    expect(errorOf(() => openCheckpoint(folder)).code).toBe("checkpoint_invalid");
  });

  it("prefers the single file, as transformers does", () => {
    const folder = copyOf("llama");
    copyFileSync(join(fixtureFolder("llama-bf16"), index), join(folder, index));
    expect(openCheckpoint(folder).location("model.norm.weight").dtype).toBe("F32");
  });
});

describe("digest", () => {
  const digestOf = (folder: string): string => openCheckpoint(folder).digest;

  it("is the same for a copy and for a second read", () => {
    const checkpoint: Checkpoint = openCheckpoint(fixtureFolder("llama"));
    expect(checkpoint.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(checkpoint.digest).toBe(checkpoint.digest);
    expect(digestOf(copyOf("llama"))).toBe(checkpoint.digest);
  });

  it("changes with one bit of a weight, one field of the config, one bit of any shard", () => {
    const single = copyOf("llama");
    const path = join(single, "model.safetensors");
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    const configured = copyOf("llama");
    editJson(configured, "config.json", (config) => ({ ...config, rms_norm_eps: 1e-6 }));
    const digests = [digestOf(fixtureFolder("llama")), digestOf(single), digestOf(configured)];

    digests.push(digestOf(fixtureFolder("llama-bf16")));
    for (const shard of [1, 2, 3]) {
      const sharded = copyOf("llama-bf16");
      const shardPath = join(sharded, `model-0000${shard}-of-00003.safetensors`);
      const shardBytes = readFileSync(shardPath);
      shardBytes[shardBytes.length - 1]! ^= 1;
      writeFileSync(shardPath, shardBytes);
      digests.push(digestOf(sharded));
    }
    expect(new Set(digests).size).toBe(digests.length);
  });

  it("does not depend on files that the model does not read", () => {
    const folder = copyOf("llama");
    writeFileSync(join(folder, "README.md"), "x");
    expect(digestOf(folder)).toBe(digestOf(fixtureFolder("llama")));
  });
});
