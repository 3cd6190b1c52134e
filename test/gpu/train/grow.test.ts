import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type ModelConfig,
  readModelConfig,
} from "../../../gpu-service/src/checkpoint/model-config.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import type { TrainingState } from "../../../gpu-service/train/checkpoints.ts";
import { startFrom } from "../../../gpu-service/train/grow.ts";
import { initialState } from "../../../gpu-service/train/trainer.ts";
import { readVocabulary } from "../../../gpu-service/train/vocabulary.ts";

const models = new URL("../../../gpu-service/models/", import.meta.url);
const first = fileURLToPath(new URL("rosa2-mini", models));
const vocabulary = readVocabulary(new URL("rosa2-mini-2/", models));
const embedding = "model.embed_tokens.weight";
const width = 192;

const configOf = (hidden: number): ModelConfig =>
  readModelConfig({
    model_type: "llama",
    vocab_size: vocabulary.length,
    hidden_size: hidden,
    intermediate_size: 512,
    num_hidden_layers: 5,
    num_attention_heads: 6,
    rms_norm_eps: 1e-5,
    max_position_embeddings: 512,
    tie_word_embeddings: true,
    eos_token_id: 4,
    bos_token_id: null,
  });
const config = configOf(width);

describe("training on from the first model", () => {
  let fresh: TrainingState;
  let started: TrainingState;
  beforeAll(() => {
    fresh = initialState(config, 1);
    started = startFrom(first, fresh, { config, vocabulary });
  });
  const rowOf = (weights: Float32Array, token: string) => {
    const at = vocabulary.indexOf(token) * width;
    return weights.subarray(at, at + width);
  };

  it("keeps every weight and the row of every token that it had", () => {
    const file = openSafetensors(`${first}/model.safetensors`);
    for (const name of file.names) {
      const had = file.readFloat32(name);
      expect(started.get(name)!.subarray(0, had.length), name).toEqual(had);
    }
    expect(started.get(embedding)).toHaveLength(vocabulary.length * width);
  });

  it("starts a number between its digits and a word between its neighbours", () => {
    const rows = started.get(embedding)!;
    const distance = (a: Float32Array, b: (i: number) => number) =>
      Math.hypot(...a.map((value, i) => value - b(i)));
    const between = (one: string, other: string) => (i: number) =>
      (rowOf(rows, one)[i]! + rowOf(rows, other)[i]!) / 2;
    const number = rowOf(rows, "▁42");
    expect(distance(number, between("▁4", "▁2"))).toBeLessThan(
      distance(number, between("▁9", "▁8")),
    );
    const word = rowOf(rows, "▁cherry");
    expect(distance(word, between("▁chair", "▁cloud"))).toBeLessThan(
      distance(word, between("▁table", "▁tree")),
    );
    // A token that resembles no other starts at random.
    expect(rowOf(rows, "▁Spell")).toEqual(rowOf(fresh.get(embedding)!, "▁Spell"));
  });

  it("refuses a vocabulary whose ids have moved, and another shape", () => {
    const moved = vocabulary.with(7, "▁other");
    expect(() => startFrom(first, fresh, { config, vocabulary: moved })).toThrow(
      /Cannot start from .*: token 7 is ".*", not "▁other"/,
    );
    const wider = configOf(384);
    expect(() => startFrom(first, initialState(wider, 1), { config: wider, vocabulary })).toThrow(
      /is \[1071,192\], not \[1071,384\]/,
    );
  });
});
