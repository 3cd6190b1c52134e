/**
 * Explains why a directory or hub model has no tokenizer.json, from the names of its files: one sentence with the way
 * out.
 */
import { RosaError } from "@rosa2/shared/errors";

/** Formats that `transformers` converts when it loads a tokenizer. */
const convertible = ["tokenizer.model", "spiece.model", "tekken.json", "vocab.json", "vocab.txt"];

export function missingTokenizer(names: readonly string[], place: string): RosaError {
  const other = convertible.find((name) => names.includes(name));
  const reason =
    other === undefined
      ? `tokenizer.json is not in "${place}"`
      : `"${place}" has ${other} and no tokenizer.json: write one with \`AutoTokenizer.from_pretrained(directory).save_pretrained(directory)\` of Python's transformers`;
  return new RosaError("checkpoint_unsupported", `Cannot run checkpoint: ${reason}`, {
    param: "tokenizer.json",
  });
}
