/** Starts a model from a finished one of the same shape with a smaller vocabulary. Knows weights and tokens, no samples. */
import { pathToFileURL } from "node:url";
import { kinds } from "../language/items.ts";
import { type ModelConfig, tensorShapes } from "../src/checkpoint/checkpoint.ts";
import { openSafetensors } from "../src/checkpoint/safetensors.ts";
import type { TrainingState } from "./checkpoints.ts";
import { readVocabulary, space } from "./vocabulary.ts";

const embedding = "model.embed_tokens.weight";
/** A new token starts at the mean of known tokens plus this share of its random start. */
const noise = 0.3;

/**
 * `state` with the weights of the model folder in their place. A token that the folder's vocabulary lacks starts at the
 * mean of similar tokens: a number between its digits, a word between its neighbours in the alphabet.
 *
 * @throws Error when a tensor has another shape, or the vocabularies differ in a token that both have.
 */
export function startFrom(
  directory: string,
  state: TrainingState,
  { config, vocabulary }: { config: ModelConfig; vocabulary: readonly string[] },
): TrainingState {
  const file = openSafetensors(`${directory}/model.safetensors`);
  const known = readVocabulary(pathToFileURL(`${directory}/`));
  const moved = known.findIndex((token, id) => vocabulary[id] !== token);
  if (moved >= 0) {
    throw new Error(
      `Cannot start from ${directory}: token ${moved} is "${known[moved]}", not "${vocabulary[moved]}"`,
    );
  }
  const started: TrainingState = new Map(state);
  for (const [name, shape] of tensorShapes(config)) {
    const expected = name === embedding ? [known.length, ...shape.slice(1)] : [...shape];
    const found = file.info(name).shape;
    if (found.join() !== expected.join()) {
      throw new Error(`Cannot start from ${directory}: ${name} is [${found}], not [${expected}]`);
    }
    const weights = file.readFloat32(name);
    const fresh = state.get(name)!;
    started.set(
      name,
      name === embedding ? grow(weights, fresh, { known, vocabulary, width: shape[1]! }) : weights,
    );
  }
  return started;
}

function grow(
  weights: Float32Array,
  fresh: Float32Array,
  tokens: { known: readonly string[]; vocabulary: readonly string[]; width: number },
): Float32Array {
  const { known, vocabulary, width } = tokens;
  const idOf = new Map(known.map((token, id) => [token, id]));
  const grown = Float32Array.from(fresh);
  grown.set(weights);
  vocabulary.slice(known.length).forEach((token, i) => {
    const like = resembling(token).flatMap((other) => idOf.get(other) ?? []);
    if (like.length === 0) return;
    const at = (known.length + i) * width;
    for (let d = 0; d < width; d++) {
      const mean = like.reduce((sum, id) => sum + weights[id * width + d]!, 0) / like.length;
      grown[at + d] = mean + noise * grown[at + d]!;
    }
  });
  return grown;
}

/** The first model's tokens whose mean a new token starts from. */
function resembling(token: string): string[] {
  const text = token.slice(space.length);
  if (/^[0-9]{2}$/.test(text)) return [space + text[0], space + text[1]];
  if (!kinds.nouns.items.includes(text)) return [];
  const after = kinds.words.items.findIndex((word) => word > text);
  const neighbours = after < 0 ? [-1] : [after - 1, after];
  return neighbours.flatMap((at) => kinds.words.items.at(at) ?? []).map((word) => space + word);
}
