/** Directories as people have them. What is no checkpoint is refused with what it is; what only looks odd runs. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkModel } from "../../../gpu-service/src/check/check.ts";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import {
  encodeSafetensors,
  type TensorData,
} from "../../../gpu-service/src/checkpoint/write-safetensors.ts";
import { readModelSettings } from "../../../gpu-service/src/config.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { checkpointCopies } from "../support/checkpoint-copies.ts";
import { errorOf } from "../support/error-of.ts";

const settings = readModelSettings({});
let whole: string;
let directory: string;
checkpointCopies((...paths) => {
  [directory, whole] = paths;
});

const path = (name: string) => join(directory, name);
function empty(): void {
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
}

function editConfig(fields: object): void {
  const config = JSON.parse(readFileSync(path("config.json"), "utf8"));
  writeFileSync(path("config.json"), JSON.stringify({ ...config, ...fields }));
}

function editTensors(edit: (tensors: TensorData[]) => TensorData[]): void {
  const file = openSafetensors(path("model.safetensors"));
  const tensors = file.names.map((name) => ({ name, ...file.info(name), data: file.read(name) }));
  writeFileSync(path("model.safetensors"), encodeSafetensors(edit(tensors)));
}

describe("a directory that is no checkpoint", () => {
  it.each([
    [
      "a LoRA adapter",
      "adapter_config.json",
      "set MODEL to its base model and LORA to the adapter",
    ],
    ["GGUF weights", "model-Q4_K_M.gguf", "use the model's original repository"],
    ["an ONNX export", "model.onnx", "use the model's original repository"],
  ])("is called %s, by loading and by the check", (_, name, wayOut) => {
    empty();
    writeFileSync(path(name), "{}");
    const error = errorOf(() => openCheckpoint(directory));
    expect(error).toMatchObject({ code: "checkpoint_unsupported", param: name });
    expect(error.message).toContain(wayOut);
    expect(checkModel(directory, settings).problems[0]?.message).toBe(error.message);
  });

  it("is recognised with a config too: adapters and packed weights often have one", () => {
    for (const name of ["adapter_config.json", "weights.gguf", "model.onnx", "pytorch_model.bin"]) {
      cpSync(whole, directory, { recursive: true });
      rmSync(path("model.safetensors"));
      writeFileSync(path(name), "");
      const error = errorOf(() => openCheckpoint(directory));
      expect(error).toMatchObject({ code: "checkpoint_unsupported", param: name });
      rmSync(path(name));
    }
  });

  it("is told how to make tokenizer.json from another tokenizer's file", () => {
    rmSync(path("tokenizer.json"));
    writeFileSync(path("tokenizer.model"), "");
    const error = errorOf(() => ChatTokenizer.load(directory, []));
    expect(error).toMatchObject({ code: "checkpoint_unsupported", param: "tokenizer.json" });
    expect(error.message).toContain("has tokenizer.model and no tokenizer.json");
    expect(error.message).toContain("save_pretrained");
    expect(checkModel(directory, settings).problems.map(({ message }) => message)).toEqual([
      error.message,
    ]);
  });

  it("is called a Git-LFS pointer where the weights are one", () => {
    writeFileSync(
      path("model.safetensors"),
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    );
    expect(errorOf(() => openCheckpoint(directory)).message).toContain("git lfs pull");
  });
});

describe("the check", () => {
  const json = (name: string) => JSON.parse(readFileSync(path(name), "utf8"));
  const write = (name: string, value: unknown) =>
    writeFileSync(path(name), typeof value === "string" ? value : JSON.stringify(value));
  const onlyFile = (name: string) => () => {
    rmSync(path("model.safetensors"));
    write(name, "");
  };
  const bytes = (edit: (file: Buffer) => Uint8Array) => () =>
    writeFileSync(path("model.safetensors"), edit(readFileSync(path("model.safetensors"))));

  /** Reads what loading a model reads, in the service's order. Gives the reason why it cannot be loaded. */
  const reasonAgainst = (): string | null => {
    try {
      const { config } = openCheckpoint(directory);
      const tokenizer = ChatTokenizer.load(directory, config.eosIds, config.vocabSize);
      tokenizer.promptIds([{ role: "user", content: "Hello" }]);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };

  const odd: [name: string, make: () => void][] = [
    ["pickled weights", onlyFile("pytorch_model.bin")],
    ["GGUF weights", onlyFile("model-q8_0.gguf")],
    ["an ONNX export", onlyFile("model.onnx")],
    ["a LoRA adapter", onlyFile("adapter_config.json")],
    ["no weights", () => rmSync(path("model.safetensors"))],
    [
      "a Git-LFS pointer",
      () => write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"),
    ],
    ["a file cut short", bytes((file) => file.subarray(0, file.length - 5))],
    ["an empty file", bytes(() => new Uint8Array(0))],
    ["no config.json", () => rmSync(path("config.json"))],
    ["a config that is no JSON", () => write("config.json", "{")],
    ["another kind of model", () => editConfig({ model_type: "mamba" })],
    [
      "weights of GPTQ in another order",
      () => editConfig({ quantization_config: { quant_method: "gptq", bits: 4, desc_act: true } }),
    ],
    ["weights of a kind without a name", () => editConfig({ quantization_config: {} })],
    [
      "8-bit floats without scales",
      () => {
        editConfig({ quantization_config: { quant_method: "fp8", weight_block_size: [128, 128] } });
        editTensors((tensors) =>
          tensors.map((tensor) =>
            tensor.name.endsWith("q_proj.weight")
              ? { ...tensor, dtype: "F8_E4M3", data: new Uint8Array(tensor.data.byteLength / 4) }
              : tensor,
          ),
        );
      },
    ],
    [
      "rotations of a foreign kind",
      () => editConfig({ rope_scaling: { rope_type: "mrope", factor: 2 } }),
    ],
    [
      "rotations for kinds of layers",
      () => editConfig({ rope_parameters: { full_attention: { rope_type: "default" } } }),
    ],
    ["no tokenizer.json", () => rmSync(path("tokenizer.json"))],
    [
      "tokenizer.model alone",
      () => {
        rmSync(path("tokenizer.json"));
        write("tokenizer.model", "");
      },
    ],
    [
      "a tokenizer of a foreign kind",
      () =>
        write("tokenizer.json", {
          ...json("tokenizer.json"),
          model: { type: "WordLevel", vocab: {} },
        }),
    ],
    [
      "a vocabulary beyond the embeddings",
      () => {
        const file = json("tokenizer.json");
        const vocab = { ...file.model.vocab, beyond: 100_000 };
        write("tokenizer.json", { ...file, model: { ...file.model, vocab } });
      },
    ],
    ["no chat template", () => rmSync(path("chat_template.jinja"))],
    ["a template that cannot be read", () => write("chat_template.jinja", "{% for %}")],
    ["a template that refuses", () => write("chat_template.jinja", "{{ raise_exception('no') }}")],
    [
      "a template without an end",
      () =>
        write(
          "chat_template.jinja",
          "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        ),
    ],
    ["what runs", () => {}],
  ];

  it.each(odd)("says of %s what loading says", (name, make) => {
    make();
    const reason = reasonAgainst();
    const { runs, problems } = checkModel(directory, settings);
    expect(runs).toBe(name === "what runs");
    if (runs) expect(reason).toBeNull();
    else expect(problems.map(({ message }) => message)).toContain(reason);
    // One sentence for each of them.
    for (const { message } of problems) expect(message).not.toMatch(/ZodError|\n|\bat .*\.ts:/);
  });

  it("says what QUANTIZE makes of exported adapters", () => {
    const rounded = checkModel(directory, readModelSettings({ QUANTIZE: "4" }));
    expect(rounded).toMatchObject({
      runs: true,
      warnings: [expect.stringContaining("rounded to 4 bits")],
    });
    expect(checkModel(directory, settings).warnings).toEqual([]);
  });
});

describe("a checkpoint that only looks odd runs", () => {
  const runs = () =>
    expect(checkModel(directory, settings)).toMatchObject({ problems: [], runs: true });

  it("with fields that its family never reads, whatever their values", () => {
    editConfig({
      sliding_window: 0,
      layer_types: "none",
      max_window_layers: -1,
      no_rope_layers: "x",
      hidden_activation: 5,
      query_pre_attn_scalar: "a",
      attn_logit_softcapping: -1,
      bos_token_id: -1,
      dtype: "auto",
      auto_map: { AutoModelForCausalLM: "modeling_old.Old" },
    });
    runs();
  });

  it("with NaN and infinities as Python writes them", () => {
    const text = readFileSync(path("config.json"), "utf8");
    const odd = '{"router_jitter": NaN, "a": [-Infinity, Infinity], "b": "NaN is \\"said\\" NaN",';
    writeFileSync(path("config.json"), text.replace("{", odd));
    runs();
    writeFileSync(path("config.json"), text.replace(/"hidden_size":\d+/, '"hidden_size":NaN'));
    expect(errorOf(() => openCheckpoint(directory))).toMatchObject({
      code: "checkpoint_invalid",
      param: "hidden_size",
    });
  });

  it("with tensors that the model does not read, of any type", () => {
    editTensors((tensors) => [
      ...tensors,
      { name: "vision.x", dtype: "I64", shape: [1], data: new BigInt64Array(1) },
    ]);
    runs();
    const bytes = readFileSync(path("model.safetensors"));
    bytes.set(Buffer.from('"F99"'), bytes.indexOf('"I64"'));
    writeFileSync(path("model.safetensors"), bytes);
    runs();
  });

  it("with a head of its own, which counts although the config calls it tied", () => {
    const own = openCheckpoint(directory).tensor("lm_head.weight");
    editConfig({ tie_word_embeddings: true });
    const { config, tensor } = openCheckpoint(directory);
    expect(config.tiedEmbeddings).toBe(false);
    expect(tensor("lm_head.weight")).toEqual(own);
    expect(checkModel(directory, settings).architecture?.tied_head).toBe(false);
    editTensors((tensors) => tensors.filter(({ name }) => name !== "lm_head.weight"));
    expect(openCheckpoint(directory).config.tiedEmbeddings).toBe(true);
  });
});
