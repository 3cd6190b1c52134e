/**
 * Checkpoints saved as integers. They are served as the numbers that the integers stand for, or refused with the name
 * of what is not supported.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkModel } from "../../../gpu-service/src/check/check.ts";
import { mergeLora } from "../../../gpu-service/src/checkpoint/base-lora.ts";
import { openCheckpoint, tensorShapes } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import {
  readQuantization,
  servedBits,
} from "../../../gpu-service/src/checkpoint/quantization-config.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { unpackMatrix } from "../../../gpu-service/src/checkpoint/saved-integers.ts";
import {
  encodeSafetensors,
  type TensorData,
} from "../../../gpu-service/src/checkpoint/write-safetensors.ts";
import { jointMatrices } from "../../../gpu-service/src/compiler/decoder/quantize.ts";
import { decodeGraph } from "../../../gpu-service/src/compiler/graphs/decode.ts";
import { stepGraph } from "../../../gpu-service/src/compiler/graphs/step.ts";
import { printGraph } from "../../../gpu-service/src/compiler/ir/print.ts";
import { encodeOnnx } from "../../../gpu-service/src/compiler/onnx.ts";
import { readModelSettings } from "../../../gpu-service/src/config.ts";
import { checkQuantization } from "../../../gpu-service/src/engine/model/golden-check.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { mapWeights } from "../../../gpu-service/src/engine/model/weights.ts";
import { loadRuntime } from "../../../gpu-service/src/load.ts";
import { fixtureFolder, largestDifference } from "../compiler/golden.ts";
import { errorOf } from "../support/error-of.ts";
import { type Packing, writeTwins } from "../support/integer-checkpoint.ts";
import { loadOptions } from "../support/load-options.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";
import { ask, TestService } from "../support/service.ts";

const root = mkdtempSync(join(tmpdir(), "rosa2-integers-"));
beforeAll(() => {
  process.env.ROSA2_CACHE = join(root, "cache");
});
afterAll(() => {
  delete process.env.ROSA2_CACHE;
  rmSync(root, { recursive: true });
});

const settings = readModelSettings({});
const row = { prompt: Int32Array.of(7, 21, 40, 3, 58, 11), reply: Int32Array.of(9, 33, 4) };

describe("words of 32 bits", () => {
  const base = {
    groupSize: 8,
    zerosLessOne: false,
    zerosBorrow: true,
    matrices: new Set<string>(),
  };

  it("are eight inputs of an output in GPTQ, the first in the lowest bits", () => {
    // Two outputs of eight inputs: 0 to 7, and 15 eight times. Zeros of eight outputs fill a word.
    const qweight = new Uint32Array(8);
    qweight.set([0x76543210, 0xffffffff]);
    const matrix = unpackMatrix(
      { ...base, method: "gptq", bits: 4, zerosLessOne: true },
      { out: 8, in: 8, qweight, qzeros: Uint32Array.of(0x76543210), scales: new Float32Array(8) },
    );
    expect([...matrix.packed.subarray(0, 8)]).toEqual([0x10, 0x32, 0x54, 0x76, 255, 255, 255, 255]);
    expect([...matrix.zeros]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("borrow from the next one where a zero of GPTQ's first format is 0", () => {
    // 0, 0, 5 and five times 8; each part is saved as one less.
    const word = 0x88888500 - 0x11111111;
    const words = { qweight: new Uint32Array(8), qzeros: Uint32Array.of(word) };
    const matrix = unpackMatrix(
      { ...base, method: "gptq", bits: 4, zerosLessOne: true },
      { out: 8, in: 8, ...words, scales: new Float32Array(8) },
    );
    expect([...matrix.zeros]).toEqual([0, 0, 5, 8, 8, 8, 8, 8]);
  });

  it("are eight outputs of an input in AWQ, the even ones first", () => {
    const qweight = Uint32Array.of(0x76543210, 0, 0, 0, 0, 0, 0, 0xffffffff);
    const matrix = unpackMatrix(
      { ...base, method: "awq", bits: 4 },
      { out: 8, in: 8, qweight, qzeros: Uint32Array.of(0x76543210), scales: new Float32Array(8) },
    );
    expect([...matrix.zeros]).toEqual([0, 4, 1, 5, 2, 6, 3, 7]);
    // Input 0 of each output, and input 7, which is 15 everywhere.
    expect([...matrix.packed].filter((_, byte) => byte % 4 === 0)).toEqual([...matrix.zeros]);
    expect([...matrix.packed].filter((_, byte) => byte % 4 === 3)).toEqual(Array(8).fill(0xf0));
  });
});

const cases: [fixture: string, packing: Packing][] = [
  ["llama", { method: "gptq", bits: 4, groupSize: 16 }],
  ["granite", { method: "gptq", bits: 4, groupSize: 32, format: "gptq_v2" }],
  ["olmo2", { method: "gptq", bits: 8, groupSize: -1 }],
  ["qwen3", { method: "awq", bits: 4, groupSize: 16, plain: /v_proj|1\.mlp\.up/ }],
  ["phi3", { method: "awq", bits: 4, groupSize: 16 }],
  ["gemma3-multimodal", { method: "gptq", bits: 4, groupSize: 32, plain: /vision/ }],
  // Groups of 24 hold no block that the kernels take: such matrices are served in fp32.
  ["qwen2", { method: "gptq", bits: 4, groupSize: 24, plain: /down_proj/ }],
];

describe.each(cases)("%s with %o", (fixture, packing) => {
  it("scores, generates and learns like the floats that its integers stand for", async () => {
    const twins = writeTwins(root, fixtureFolder(fixture), packing);
    const [packed, floats] = await Promise.all(
      [twins.packed, twins.floats].map((path) => Model.load(path, { threads: 1 })),
    );
    const rank = 4;
    const length = packed!.adapterLength(rank);
    const B = Float32Array.from({ length }, (_, i) => 0.1 * Math.sin(i));
    const [found, expected] = [
      await packed!.gradients([row], { digest: "a", rank, B }),
      await floats!.gradients([row], { digest: "a", rank, B }),
    ];
    // The integers are exact, so only the order of summation differs.
    expect(largestDifference(found.logprobs[0]!, expected.logprobs[0]!)).toBeLessThan(1e-4);
    const most = Math.max(...expected.gradients.map(Math.abs));
    const apart = largestDifference(found.gradients, expected.gradients);
    expect(apart).toBeLessThan(1e-3 * most);
    const last = async (model: Model) => {
      const cache = model.allocateCache(1, 32);
      const { prompt: ids } = row;
      const step = { ids, rows: 1, length: ids.length, past: Int32Array.of(0), firstSlot: 0 };
      const [next] = await model.step({ ...step, cache, adapters: [null] }, true);
      cache.dispose();
      return next!.logits_V!;
    };
    expect(largestDifference(await last(packed!), await last(floats!))).toBeLessThan(1e-4);
    await packed!.dispose();
    await floats!.dispose();
  });
});

it("reads each matrix as the same numbers in pieces", () => {
  const checkpoint = openCheckpoint(fixtureFolder("llama-gptq"));
  const name = "model.layers.0.mlp.down_proj.weight";
  const whole = checkpoint.tensor(name);
  const pieces = [0, 100, 4000].map((start) => checkpoint.tensor(name, { start, count: 90 }));
  for (const [index, start] of [0, 100, 4000].entries())
    expect([...pieces[index]!]).toEqual([...whole.subarray(start, start + 90)]);
});

it("joins the linears of one input only where all of them are integers", () => {
  const { config } = openCheckpoint(fixtureFolder("qwen2-awq"));
  const joints = jointMatrices(config).map(({ parts }) => parts.map(({ name }) => name));
  const linears = joints.map((names) => names.map((name) => name.split(".").slice(2, 5).join(".")));
  // v_proj and down_proj of the second layer are floats.
  expect(linears).toEqual([
    ["0.self_attn.q_proj", "0.self_attn.k_proj", "0.self_attn.v_proj"],
    ["0.self_attn.o_proj"],
    ["0.mlp.gate_proj", "0.mlp.up_proj"],
    ["0.mlp.down_proj"],
    ["1.self_attn.q_proj"],
    ["1.self_attn.k_proj"],
    ["1.self_attn.o_proj"],
    ["1.mlp.gate_proj", "1.mlp.up_proj"],
  ]);
});

it("has a head of floats on the left of its product, where the runtime does not copy it", () => {
  const { config } = openCheckpoint(fixtureFolder("llama-gptq"));
  const quantization = { bits: 4, accuracyLevel: 4 } as const;
  for (const graph of [
    decodeGraph(config, { adapters: true, quantization }),
    stepGraph(config, { positions: 64, adapters: true, quantization }),
  ]) {
    const text = printGraph(graph);
    const [, head] = /(%\d+) [^\n]*weight \{name: lm_head\.weight\}/.exec(text)!;
    const products = text.split("\n").filter((line) => line.includes(" = matmul "));
    const ofHead = products.filter((line) => line.split(/[ ,]/).includes(head!));
    expect(ofHead).toHaveLength(1);
    expect(ofHead[0]).toContain(`matmul ${head} `);
  }
});

it("distinguishes rounded activations from exact ones, without an fp32 copy of the linears", async () => {
  const folder = fixtureFolder("llama-gptq");
  const check = await checkQuantization(folder, 4, { threads: 1 });
  expect(check.agreement[0]).toBe(1);
  const { digest } = openCheckpoint(folder);
  const kept = openSafetensors(join(root, "cache", digest, "float32-1.safetensors"));
  expect(kept.names.filter((name) => name.includes("proj"))).toEqual([]);
});

describe.each(["llama-gptq", "qwen2-awq"])("the check of %s", (name) => {
  const folder = fixtureFolder(name);

  it("counts the bytes that the graphs map and the bytes that are kept", () => {
    const checkpoint = openCheckpoint(folder);
    const weights = mapWeights(checkpoint, 4);
    const mapped = new Map<string, number>();
    const quantization = { bits: 4, accuracyLevel: 4 } as const;
    encodeOnnx(decodeGraph(checkpoint.config, { adapters: false, quantization }), (tensor) => {
      const source = weights.find(tensor);
      if ("data" in source) throw new Error(`"${tensor}" is not mapped`);
      mapped.set(`${source.file}:${source.offset}`, source.length);
      return source;
    });
    const sum = (bytes: Iterable<number>) => [...bytes].reduce((a, b) => a + b, 0);
    const report = checkModel(folder, settings);
    expect(report.memory?.weights).toBe(sum(mapped.values()));
    const kept = ["int4-2.safetensors", "float32-1.safetensors"].map((file) => {
      const { names, info } = openSafetensors(join(root, "cache", checkpoint.digest, file));
      return sum(names.map((tensor) => info(tensor).byteLength));
    });
    expect(report.weights?.cache_bytes).toBe(sum(kept));
    const saved = openSafetensors(join(folder, "model.safetensors"));
    const read = saved.names.filter((tensor) => !tensor.endsWith(".g_idx"));
    expect(report.weights?.bytes).toBe(sum(read.map((tensor) => saved.info(tensor).byteLength)));
    const parameters = [...tensorShapes(checkpoint.config).values()];
    expect(report.weights?.parameters).toBe(
      sum(parameters.map((shape) => shape.reduce((a, b) => a * b))),
    );
  });

  it("needs the headers alone: the weights of a hub model are not there yet", () => {
    const hollow = mkdtempSync(join(root, "hollow-"));
    cpSync(join(folder, "config.json"), join(hollow, "config.json"));
    const bytes = readFileSync(join(folder, "model.safetensors"));
    const path = join(hollow, "model.safetensors");
    writeFileSync(path, bytes.subarray(0, 8 + Number(bytes.readBigUInt64LE())));
    truncateSync(path, bytes.length);
    const { weights, memory } = checkModel(folder, settings);
    expect(checkModel(hollow, settings)).toMatchObject({ weights, memory });
    expect(weights).not.toBeNull();
  });

  it("says to which weights adapters belong, and refuses to round them once more", () => {
    const method = name.endsWith("awq") ? "awq" : "gptq";
    const report = checkModel(folder, settings);
    expect(report.weights).toMatchObject({ saved_as: `${method}, 4 bits` });
    expect(report.warnings.join()).toContain(
      `belong to, the weights as they are saved, 4-bit integers (${method})`,
    );
    for (const QUANTIZE of ["8", "4"] as const) {
      const { config } = openCheckpoint(folder);
      const error = errorOf(() => servedBits(config, QUANTIZE));
      expect(error).toMatchObject({ code: "checkpoint_unsupported", param: "QUANTIZE" });
      expect(error.message).toContain(`QUANTIZE=${QUANTIZE}`);
      expect(error.message).toContain("leave QUANTIZE unset");
      const { problems } = checkModel(folder, { ...settings, QUANTIZE });
      expect(problems.map(({ message }) => message)).toContain(error.message);
    }
  });
});

it("says in an export to which weights the adapter belongs", async () => {
  const plain = writeRandomCheckpoint();
  const { packed } = writeTwins(root, plain, { method: "gptq", bits: 4, groupSize: 32 });
  expect(openCheckpoint(packed).digest).not.toBe(openCheckpoint(plain).digest);
  const runtime = await loadRuntime(loadOptions(packed));
  const B = new Float32Array((runtime.model as Model).adapterLength(1));
  const files = runtime.peftFiles({ digest: "", rank: 1, B });
  expect(new TextDecoder().decode(files["README.md"])).toMatch(
    /belongs to the weights of \S+ as they are published, 4-bit integers \(gptq\), and not to those before rounding.* \d+\.\d % of next tokens are equal to those of activations in fp32/,
  );
  await runtime.model.dispose();
  rmSync(plain, { recursive: true });
});

it("is served, and an update through the integers is measured and taken", async () => {
  const plain = writeRandomCheckpoint();
  const { packed } = writeTwins(root, plain, { method: "awq", bits: 4, groupSize: 32 });
  const service = await TestService.start({ model: loadOptions(packed) });
  const [last] = (await service.generate({ ...ask("hi"), sampling: { max_tokens: 4 } })).slice(-1);
  expect(last).toMatchObject({ type: "done" });
  const rows = [{ ...ask("hi"), reply: "yes", kind: "corrected" }];
  const updated = await service.post("/v1/adapt", { tenant: "t", rows });
  expect(updated.status).toBe(200);
  await service.stop();
  rmSync(plain, { recursive: true });
}, 60_000);

it("merges no LORA into integers", () => {
  const error = errorOf(() => mergeLora(openCheckpoint(fixtureFolder("llama-gptq")), root, "own"));
  expect(error).toMatchObject({ code: "checkpoint_unsupported", param: "LORA" });
  expect(error.message).toContain("set MODEL to its full-precision repository");
});

describe("what a config says", () => {
  const gptq = { quant_method: "gptq", bits: 4, group_size: 128, desc_act: false };
  const awq = { quant_method: "awq", bits: 4, group_size: 128, version: "gemm", zero_point: true };

  it.each([
    [gptq, { method: "gptq", bits: 4, groupSize: 128, zerosLessOne: true }],
    [{ ...gptq, checkpoint_format: "gptq_v2" }, { zerosLessOne: false }],
    // As transformers 5 and gptqmodel save it.
    [{ ...gptq, format: "gptq_v2" }, { zerosLessOne: false }],
    [{ ...gptq, format: "gptq", checkpoint_format: "GPTQ_V2" }, { zerosLessOne: false }],
    [
      { ...gptq, meta: { quantizer: ["gptqmodel:4.0"] } },
      { zerosLessOne: true, zerosBorrow: true },
    ],
    [
      { ...gptq, bits: 8, group_size: -1, desc_act: true },
      { bits: 8, groupSize: null },
    ],
    [{ ...gptq, desc_act: true, static_groups: true }, { groupSize: 128 }],
    [{ ...gptq, dynamic: { "-:.*lm_head.*": {} } }, { method: "gptq" }],
    [{ ...gptq, group_size: undefined }, { groupSize: 128 }],
    [
      { ...awq, version: "GEMM" },
      { method: "awq", groupSize: 128, zerosLessOne: false },
    ],
    [{ quant_method: "awq", w_bit: 4, q_group_size: 64 }, { groupSize: 64 }],
  ])("is read: %o", (config, expected) => {
    expect(readQuantization(config).integers).toMatchObject(expected);
  });

  it.each([
    [{ ...gptq, bits: 3 }, "bits", "3"],
    [{ ...gptq, bits: 2 }, "bits", "2"],
    [{ ...gptq, desc_act: true }, "desc_act", "true"],
    [{ ...gptq, checkpoint_format: "marlin" }, "checkpoint_format", '"marlin"'],
    [{ ...gptq, format: "bitblas" }, "format", '"bitblas"'],
    [{ ...gptq, is_marlin_format: true }, "is_marlin_format", "true"],
    [{ ...gptq, group_size: 0 }, "group_size", "0"],
    [{ ...gptq, pack_dtype: "int16" }, "pack_dtype", '"int16"'],
    [{ ...gptq, dynamic: { "+:.*down.*": { bits: 8 } } }, "dynamic", "down"],
    [{ ...awq, bits: 8 }, "bits", "8"],
    [{ ...awq, version: "gemv" }, "version", '"gemv"'],
    [{ ...awq, version: undefined, checkpoint_format: "gemv" }, "checkpoint_format", '"gemv"'],
    [{ ...awq, version: "marlin" }, "version", '"marlin"'],
    [{ ...awq, zero_point: false }, "zero_point", "false"],
    [{ ...awq, backend: "llm-awq" }, "backend", '"llm-awq"'],
    [{ quant_method: "bitsandbytes", load_in_4bit: true }, "quant_method", '"bitsandbytes"'],
    [{ quant_method: "compressed-tensors" }, "quant_method", '"compressed-tensors"'],
  ])("is refused by name, with the way out: %o", (config, field, value) => {
    const error = errorOf(() => readQuantization(config));
    const param = `quantization_config.${field}`;
    expect(error).toMatchObject({ code: "checkpoint_unsupported", param });
    expect(error.message).toContain(param);
    expect(error.message).toContain(value);
    expect(error.message).toContain("full-precision repository with QUANTIZE=8 or 4");
  });
});

describe("files that do not fit", () => {
  const module = "model.layers.0.self_attn.q_proj";
  const edited = (edit: (tensors: TensorData[]) => TensorData[]) => {
    const folder = mkdtempSync(join(root, "edited-"));
    cpSync(fixtureFolder("llama-gptq"), folder, { recursive: true });
    const file = openSafetensors(join(folder, "model.safetensors"));
    const tensors = file.names.map((name) => ({ name, ...file.info(name), data: file.read(name) }));
    writeFileSync(join(folder, "model.safetensors"), encodeSafetensors(edit(tensors)));
    return folder;
  };

  it.each([".qzeros", ".scales"])("are refused without %s", (suffix) => {
    const name = module + suffix;
    const folder = edited((tensors) => tensors.filter((tensor) => tensor.name !== name));
    const error = errorOf(() => openCheckpoint(folder));
    expect(error).toMatchObject({ code: "checkpoint_invalid", param: name });
    expect(error.message).toContain("is missing");
  });

  it("are refused where a group's size is not the config's", () => {
    const folder = edited((tensors) => tensors);
    const path = join(folder, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    config.quantization_config.group_size = 16;
    writeFileSync(path, JSON.stringify(config));
    const error = errorOf(() => openCheckpoint(folder));
    expect(error.message).toContain('.qzeros" has shape [2,8], expected [4,8]');
  });

  it("are refused when inputs are in no order of groups, whatever the config says", () => {
    const folder = edited((tensors) =>
      tensors.map((tensor) =>
        tensor.name === `${module}.g_idx`
          ? { ...tensor, data: Int32Array.from({ length: 64 }, (_, input) => input % 2) }
          : tensor,
      ),
    );
    const error = errorOf(() => openCheckpoint(folder).integers(`${module}.weight`));
    expect(error).toMatchObject({ code: "checkpoint_unsupported", param: `${module}.g_idx` });
    expect(error.message).toContain("desc_act false");
  });

  it("are refused where a zero of 0 is saved less one, unless gptqmodel did it", () => {
    const folder = edited((tensors) =>
      tensors.map((tensor) =>
        tensor.name === `${module}.qzeros`
          ? { ...tensor, data: new Uint32Array(16).fill(0x7777777f) }
          : tensor,
      ),
    );
    const error = errorOf(() => openCheckpoint(folder).integers(`${module}.weight`));
    expect(error).toMatchObject({ code: "checkpoint_unsupported", param: `${module}.qzeros` });
    expect(error.message).toContain("checkpoint_format gptq_v2");
    const path = join(folder, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    config.quantization_config.meta = { quantizer: ["gptqmodel:4.0"] };
    writeFileSync(path, JSON.stringify(config));
    const { zeros } = openCheckpoint(folder).integers(`${module}.weight`);
    expect([zeros[0], zeros[2], zeros[4]]).toEqual([0, 9, 8]);
  });

  it("are refused where the config says nothing of integers", () => {
    const folder = edited((tensors) => tensors);
    const path = join(folder, "config.json");
    const { quantization_config: _, ...config } = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify(config));
    expect(errorOf(() => openCheckpoint(folder)).message).toContain(
      "config.json has no quantization_config",
    );
  });
});
