/** What `npm run model -- check` says about directories, and about models on a hub. */
import { execFile } from "node:child_process";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { writeAdapter } from "../../../gpu-service/src/adapt/adapter-file.ts";
import { checkModel } from "../../../gpu-service/src/check/check.ts";
import { checkNamedModel } from "../../../gpu-service/src/check/check-command.ts";
import { printReport } from "../../../gpu-service/src/check/print.ts";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { decodeGraph } from "../../../gpu-service/src/compiler/graphs/decode.ts";
import { encodeOnnx } from "../../../gpu-service/src/compiler/onnx.ts";
import { readModelSettings } from "../../../gpu-service/src/config.ts";
import { Cache } from "../../../gpu-service/src/engine/model/cache.ts";
import { mapWeights } from "../../../gpu-service/src/engine/model/weights.ts";
import { resolveModel } from "../../../gpu-service/src/hub/resolve.ts";
import { loraLength } from "../../../gpu-service/src/lora/sites.ts";
import { checkpointCopies } from "../support/checkpoint-copies.ts";
import { HubServer } from "../support/hub-server.ts";

const settings = readModelSettings({ KV_BYTES: "100000000", ROWS: "4" });
let whole: string;
let directory: string;
const root = checkpointCopies((...paths) => {
  [directory, whole] = paths;
});

type Json = Record<string, unknown>;
const path = (name: string) => join(directory, name);
function edit(name: string, change: (json: Json) => Json): void {
  writeFileSync(path(name), JSON.stringify(change(JSON.parse(readFileSync(path(name), "utf8")))));
}
const fixture = (name: string) => new URL(`../fixtures/${name}`, import.meta.url).pathname;

describe("a checkpoint that runs", () => {
  it("is described by its own files", () => {
    const report = checkModel(directory, settings);
    expect(report).toMatchObject({ runs: true, problems: [], warnings: [] });
    expect(report.architecture).toMatchObject({
      family: "llama",
      layers: 2,
      kv_heads: 2,
      head_size: 16,
      context_tokens: 256,
      tied_head: false,
      dtype: "float32",
    });
    expect(report.weights).toEqual({
      parameters: openCheckpoint(directory).parameterCount,
      dtypes: ["F32"],
      saved_as: null,
      bytes: 4 * openCheckpoint(directory).parameterCount,
      cache_bytes: 0,
    });
    expect(report.tokenizer).toMatchObject({
      kind: expect.stringMatching(/^BPE, .*ByteLevel/),
      tokens: 261,
      chat_template: "chat_template.jinja",
      system_messages: true,
      end_token: "<|end|>",
      end_ids: [259],
    });
  });

  it("needs for keys and values the memory that the engine's cache allocates", () => {
    const { memory } = checkModel(directory, settings);
    const { config } = openCheckpoint(directory);
    const cache = new Cache(config, 4, 256);
    cache.reserve(256);
    const { feeds } = cache.tensors(0, 4);
    const bytes = Object.values(feeds).reduce((sum, { data }) => sum + data.length * 4, 0);
    cache.dispose();
    expect(memory).toMatchObject({ rows: 4, context_tokens: 256, kv: bytes });
    expect(memory?.kv_per_token).toBe(bytes / 4 / 256);
  });

  it("has adapters of exactly the stated size", () => {
    const { config, digest } = openCheckpoint(directory);
    const B = Float32Array.from({ length: loraLength(config, 8) }, (_, i) => Math.sin(i));
    const { bytes } = writeAdapter({ config, digest }, { rank: 8, B, parent: "a".repeat(64) });
    expect(checkModel(directory, settings).adapter).toEqual({ rank: 8, bytes: bytes.length });
  });

  it.each(["llama", "llama-tied", "llama-bf16", "qwen2"])(
    "maps the stated bytes, quantised or not (%s)",
    (name) => {
      process.env.ROSA2_CACHE = join(root, "cache");
      const checkpoint = openCheckpoint(fixture(name));
      for (const bits of [null, 8, 4] as const) {
        const weights = mapWeights(checkpoint, bits);
        const mapped = new Map<string, number>();
        const quantization = bits && { bits, accuracyLevel: 4 as const };
        const outputs = decodeGraph(checkpoint.config, { adapters: false, quantization });
        encodeOnnx(outputs, (tensor) => {
          const source = weights.find(tensor);
          if ("data" in source) throw new Error(`"${tensor}" is not mapped`);
          mapped.set(`${source.file}:${source.offset}`, source.length);
          return source;
        });
        const report = checkModel(fixture(name), {
          ...settings,
          QUANTIZE: bits ? `${bits}` : "none",
        });
        const bytes = [...mapped.values()].reduce((a, b) => a + b, 0);
        expect([bits, report.memory?.weights]).toEqual([bits, bytes]);

        const kept = join(root, "cache", checkpoint.digest);
        const made = bits === null ? [] : [`int${bits}-2.safetensors`];
        if (report.weights?.dtypes.join() !== "F32") made.push("float32-1.safetensors");
        const keptBytes = made.map((file) => {
          const tensors = openSafetensors(join(kept, file));
          return tensors.names.reduce((sum, tensor) => sum + tensors.info(tensor).byteLength, 0);
        });
        expect(report.weights?.cache_bytes).toBe(keptBytes.reduce((a, b) => a + b, 0));
      }
      delete process.env.ROSA2_CACHE;
    },
  );

  it("brings a warning where the budget holds fewer sequences than ROWS", () => {
    const slotBytes = checkModel(directory, settings).memory!.kv / 4;
    const tight = { ...settings, KV_BYTES: 3 * slotBytes };
    expect(checkModel(directory, tight).memory?.sequences).toBe(3);
    expect(checkModel(directory, tight).warnings.join()).toContain("2 run at once, not ROWS=4");
    expect(checkModel(directory, { ...tight, ROWS: 2 }).warnings).toEqual([]);
  });
});

describe("a checkpoint that does not run", () => {
  it("has every unsupported field named with its value, not only the first", () => {
    edit("config.json", (config) => ({
      ...config,
      hidden_act: "gelu",
      torch_dtype: "float64",
      rope_scaling: { rope_type: "mrope", factor: 4 },
      quantization_config: { quant_method: "gptq", bits: 3 },
      partial_rotary_factor: 0.5,
    }));
    const report = checkModel(directory, settings);
    expect(report.runs).toBe(false);
    const values = Object.fromEntries(
      report.problems.map(({ field, message }) => [field, message]),
    );
    expect(Object.keys(values).sort()).toEqual([
      "dtype",
      "hidden_act",
      "partial_rotary_factor",
      "quantization_config.bits",
      "rope_scaling.rope_type",
    ]);
    for (const [field, value] of [
      ["dtype", '"float64"'],
      ["hidden_act", '"gelu"'],
      ["partial_rotary_factor", "0.5"],
      ["quantization_config.bits", "3"],
      ["rope_scaling.rope_type", '"mrope"'],
    ] as const)
      expect(values[field]).toContain(value);
    expect(report.problems.every(({ code }) => code === "checkpoint_unsupported")).toBe(true);
    // The other facts are still reported.
    expect(report.architecture?.layers).toBe(2);
    expect(report.tokenizer?.end_token).toBe("<|end|>");
    expect(report.weights).toBeNull();
  });

  it("of another kind is named by its type", () => {
    edit("config.json", () => ({ model_type: "gpt2", n_layer: 12 }));
    const report = checkModel(directory, settings);
    expect(report).toMatchObject({ runs: false, architecture: null });
    expect(report.problems).toEqual([
      expect.objectContaining({ field: "model_type", message: expect.stringContaining('"gpt2"') }),
    ]);
  });

  it("is refused with what its tokenizer lacks", () => {
    const problemsWhen = (change: () => void) => {
      cpSync(whole, directory, { recursive: true });
      change();
      return checkModel(directory, settings);
    };
    const noTemplate = problemsWhen(() => rmSync(path("chat_template.jinja")));
    expect(noTemplate.problems.map(({ field }) => field)).toEqual(["chat_template"]);
    expect(noTemplate.tokenizer).toMatchObject({ chat_template: null, tokens: 261 });

    const badTemplate = problemsWhen(() => writeFileSync(path("chat_template.jinja"), "{% if %}"));
    expect(badTemplate.problems.map(({ field }) => field)).toEqual(["chat_template"]);

    const otherKind = problemsWhen(() =>
      edit("tokenizer.json", (json) => ({
        ...json,
        model: { ...(json.model as Json), type: "WordLevel" },
      })),
    );
    expect(otherKind.problems).toMatchObject([
      { code: "checkpoint_unsupported", field: "tokenizer.json" },
    ]);
    expect(otherKind.problems[0]?.message).toContain("WordLevel");
    expect(otherKind.tokenizer?.kind).toContain("WordLevel");

    const none = problemsWhen(() => rmSync(path("tokenizer.json")));
    expect(none.problems.map(({ field }) => field)).toEqual(["tokenizer.json"]);
  });

  it.each([
    ["a missing tensor", (json: Json) => ({ ...json, num_hidden_layers: 3 }), "layers.2"],
    ["a misshapen one", (json: Json) => ({ ...json, intermediate_size: 96 }), "expected [96,64]"],
    [
      "an impossible value",
      (json: Json) => ({ ...json, num_key_value_heads: 3 }),
      "does not divide",
    ],
  ])("is named by %s", (_, change, message) => {
    edit("config.json", change);
    const report = checkModel(directory, settings);
    expect(report.problems).toHaveLength(1);
    expect(report.problems[0]?.message).toContain(message);
    expect(report.runs).toBe(false);
  });
});

describe("a checkpoint that runs, but", () => {
  it("refuses system messages", () => {
    writeFileSync(
      path("chat_template.jinja"),
      "{%- if messages[0]['role'] == 'system' -%}{{ raise_exception('no system role') }}{%- endif -%}" +
        "<|user|>{{ messages[0]['content'] }}<|end|><|assistant|>",
    );
    const refuses = checkModel(directory, settings);
    expect(refuses).toMatchObject({ runs: true, tokenizer: { system_messages: false } });
    expect(refuses.warnings.join()).toContain("no system role");

    writeFileSync(
      path("chat_template.jinja"),
      "<|user|>{{ messages[-1]['content'] }}<|assistant|>",
    );
    const ignores = checkModel(directory, settings);
    expect(ignores.warnings.join()).toContain("it leaves them out");
  });

  it("has a tokenizer with more ids than embeddings", () => {
    edit("tokenizer.json", (json) => ({
      ...json,
      added_tokens: [
        ...(json.added_tokens as Json[]),
        { id: 300, content: "<|extra|>", special: true },
      ],
    }));
    const report = checkModel(directory, settings);
    expect(report.runs).toBe(true);
    expect(report.warnings.join()).toContain("no embeddings from 261 on: <|extra|>");
  });

  it("has a tokenizer that does not give text back", () => {
    edit("tokenizer.json", (json) => ({ ...json, normalizer: { type: "Lowercase" } }));
    const report = checkModel(directory, settings);
    expect(report.runs).toBe(true);
    expect(report.warnings.join()).toContain("straße");
  });
});

describe("a model on a hub", () => {
  const id = "acme/tiny";
  const weights = "model.safetensors";
  let hub: HubServer;
  let cache: string;
  const check = (name = id) =>
    checkNamedModel(name, settings, { endpoint: hub.endpoint, cache, retryDelayMs: 1 });
  const filesOf = (folder: string): Record<string, Uint8Array> =>
    Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));

  beforeEach(async () => {
    hub = await new HubServer().listen();
    cache = mkdtempSync(join(root, "cache-"));
    return () => hub.close();
  });

  it("is described like its directory, from headers that are fetched by range", async () => {
    const commit = hub.commit(id, filesOf(whole));
    const report = await check();
    expect(report).toEqual({
      model: id,
      commit,
      download_bytes: statSync(join(whole, weights)).size,
      ...checkModel(whole, settings),
    });
    const headerEnd = 8 + Number(readFileSync(join(whole, weights)).readBigUInt64LE(0));
    expect(hub.contentRequests(weights).map(({ range }) => range)).toEqual([
      "bytes=0-7",
      `bytes=8-${headerEnd - 1}`,
    ]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("rosa2-headers-"))).toEqual([]);
  });

  it("is described with shards, tensors of the wrong type and more parameters than the disk holds", async () => {
    const sharded = filesOf(fixture("llama-bf16"));
    hub.commit(id, { ...filesOf(whole), ...sharded, "config.json": sharded["config.json"]! });
    // The single file wins, as elsewhere; without it the index counts.
    expect((await check()).problems[0]?.message).toContain("has shape");
    const { [weights]: _, ...rest } = filesOf(whole);
    hub.commit(id, { ...rest, ...sharded });
    const report = await check();
    expect(report.weights).toEqual(checkModel(fixture("llama-bf16"), settings).weights);
    // The weights are in order; the tokenizer beside them has 256 bytes where the fixture has 64 embeddings.
    expect(report.problems).toEqual([
      expect.objectContaining({
        field: "tokenizer.json",
        message: expect.stringContaining("embeddings below vocab_size 64 only"),
      }),
    ]);
  });

  it("needs no download when it is already stored", async () => {
    hub.commit(id, filesOf(whole));
    await resolveModel(id, { endpoint: hub.endpoint, cache });
    hub.requests.length = 0;
    expect(await check()).toMatchObject({ runs: true, download_bytes: 0 });
    expect(hub.requests.filter(({ from }) => from === "storage")).toEqual([]);
  });

  it("has its other problems named too when its weights are pickles", async () => {
    const { [weights]: bytes, ...rest } = filesOf(whole);
    edit("config.json", (config) => ({ ...config, hidden_act: "relu" }));
    hub.commit(id, {
      ...rest,
      "config.json": readFileSync(path("config.json")),
      "pytorch_model.bin": bytes!,
    });
    const report = await check();
    expect(report.problems.map(({ field }) => field)).toEqual(["hidden_act", "pytorch_model.bin"]);
    expect(report).toMatchObject({ runs: false, download_bytes: null });
    expect(hub.contentRequests("pytorch_model.bin")).toEqual([]);
  });

  it("does not fetch a header of the length that an untrusted file states", async () => {
    const bytes = Uint8Array.from(readFileSync(join(whole, weights)));
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 60n, true);
    hub.commit(id, { ...filesOf(whole), [weights]: bytes });
    const report = await check();
    expect(report.problems[0]).toMatchObject({ code: "checkpoint_invalid" });
    expect(report.problems[0]?.message).toContain("header of");
    expect(hub.contentRequests(weights)).toHaveLength(1);
  });

  it("becomes a problem in the report when the hub refuses it", async () => {
    expect(await check("acme/none")).toMatchObject({
      runs: false,
      problems: [{ code: "not_found", field: "MODEL" }],
    });
    expect((await check("/no/such/folder")).problems).toHaveLength(1);
  });
});

describe("the command", () => {
  const main = new URL("../../../gpu-service/src/check/main.ts", import.meta.url).pathname;
  const run = (args: string[], env: Record<string, string> = {}) =>
    promisify(execFile)(process.execPath, [main, ...args], {
      env: { PATH: process.env.PATH ?? "", ...env },
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code: code as number, stdout, stderr }),
    );

  it("exits with 0 for a model that runs, and prints what a reader wants to know", async () => {
    const { code, stdout } = await run(["check", directory], { ROWS: "4" });
    expect(code).toBe(0);
    expect(stdout).toContain(directory);
    expect(stdout).toMatch(/runs +yes/);
    expect(stdout).toMatch(/adapter +[\d,]+ bytes a generation at rank 8/);
    expect(stdout).toContain("ROWS=4");
  });

  it("exits with 1 for one that does not, and prints JSON when asked", async () => {
    rmSync(path("chat_template.jinja"));
    const { code, stdout, stderr } = await run(["check", directory, "--json"]);
    expect(code).toBe(1);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({
      runs: false,
      problems: [{ code: "checkpoint_unsupported", field: "chat_template" }],
    });
  });

  it("checks MODEL when no model is named, and prints its help when misused", async () => {
    expect((await run(["check"], { MODEL: directory })).stdout).toContain(directory);
    for (const args of [["chek"], ["check", "--xml"]]) {
      const { code, stderr } = await run(args);
      expect([code, stderr]).toEqual([1, expect.stringContaining("npm run model -- check [")]);
    }
    const { code, stderr } = await run(["check", directory], { ROWS: "many" });
    expect([code, stderr]).toEqual([1, expect.stringContaining('ROWS="many"')]);
  });

  it("prints problems and warnings in full", () => {
    edit("config.json", (config) => ({ ...config, hidden_act: "gelu" }));
    const report = checkModel(directory, settings);
    const text = printReport({ model: "m", commit: null, download_bytes: null, ...report });
    expect(text).toMatch(/runs +no/);
    expect(text).toContain('- Cannot run checkpoint: hidden_act "gelu"');
    expect(text).toContain("[checkpoint_unsupported]");
  });
});
