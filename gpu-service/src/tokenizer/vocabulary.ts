/**
 * Text to token ids and back for one tokenizer.json; text never becomes a special token.
 *
 * The library's own `encode` turns "<|im_end|>" in any text into the special token. Here the caller finds added tokens,
 * because it knows which part of a text may contain them. Plain text runs through a model without special tokens.
 */
import { Tokenizer } from "@huggingface/tokenizers";
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { type AddedToken, addedTokenSchema, TokenMatcher } from "./added-tokens.ts";
import type { Spelling } from "./foreign-text.ts";
import { fixParts } from "./library-fixes.ts";
import { type ByteSpelling, byteSpelling, joinerOf, tokenBytes } from "./token-bytes.ts";

/** The parts of tokenizer.json that are read here; the library gets all of it unchanged. */
export const tokenizerFileSchema = z.looseObject({
  added_tokens: z.array(addedTokenSchema).default([]),
  model: z.looseObject({
    type: z.string().optional(),
    // Loops instead of a schema: with hundreds of thousands of entries a schema would take a second.
    vocab: z.custom<Record<string, number> | [string, number][]>(
      isVocabulary,
      "must give each token its id, or list tokens with scores",
    ),
    merges: z
      .custom<(string | [string, string])[]>(isMerges, "must list pairs of tokens")
      .optional(),
    unk_token: z.string().nullish(),
  }),
});
export type TokenizerFile = z.infer<typeof tokenizerFileSchema>;

/** A byte where the vocabulary falls back on bytes. */
const byteToken = /^<0x[0-9A-F]{2}>$/;

/** The library treats any other kind as one of these, and would split text into other tokens than the model knows. */
const modelKinds = ["BPE", "Unigram", "WordPiece"];

export class Vocabulary {
  readonly addedTokens: readonly AddedToken[];
  /** The longest token in characters; a text has at least its length over this in tokens. */
  readonly tokenCharsMax: number;
  readonly #encoder: Tokenizer;
  readonly #decoder: Tokenizer;
  readonly #specialIds: ReadonlySet<number>;
  readonly #bytes: ByteSpelling;
  /** The decoder's joining mark, which is no text. */
  readonly joiner: string | null;

  /** Tokens that are searched for in normalised text. */
  readonly #normalised: TokenMatcher;

  /**
   * `config` is tokenizer_config.json; `normalised` are added tokens to find in normalised text. Throws
   * `checkpoint_unsupported` if the library cannot run the file.
   */
  constructor(
    file: TokenizerFile,
    config: Record<string, unknown>,
    normalised: readonly AddedToken[] = [],
  ) {
    const { type } = file.model;
    if (type !== undefined && !modelKinds.includes(type))
      throw new RosaError(
        "checkpoint_unsupported",
        `Cannot read tokenizer.json: model.type "${type}" is not supported (supported: ${modelKinds.join(", ")})`,
        { param: "tokenizer.json" },
      );
    this.addedTokens = file.added_tokens;
    this.#specialIds = new Set(
      file.added_tokens.filter(({ special }) => special).map(({ id }) => id),
    );
    try {
      this.#encoder = new Tokenizer(withoutSpecialTokens(file), config);
      fixParts(this.#encoder);
      this.#decoder = new Tokenizer(withoutMerges(this.#asDecoded(file, normalised)), config);
      fixParts(this.#decoder);
    } catch (cause) {
      throw new RosaError(
        "checkpoint_unsupported",
        `Cannot read tokenizer.json: ${cause instanceof Error ? cause.message : cause}`,
        { param: "tokenizer.json", cause },
      );
    }
    this.#normalised = new TokenMatcher(
      new Map(normalised.map((token) => [this.#normalise(token.content), token])),
    );
    this.tokenCharsMax = longestToken(file);
    this.#bytes = byteSpelling(file.decoder);
    this.joiner = joinerOf(file.decoder);
  }

  /**
   * Ids of a text without special tokens. `sectionIndex` is the text's place among the sections of a longer text,
   * divided at added tokens; only the first may get a prefix space.
   */
  encodePlain(text: string, sectionIndex: number): number[] {
    const ids: number[] = [];
    for (const [index, section] of this.#normalised.divide(this.#normalise(text)).entries()) {
      if (section.token !== null) ids.push(section.token.id);
      else this.#encodeNormalised(section.text, sectionIndex + index, ids);
    }
    return ids;
  }

  /** How a text without special tokens is written: with tokens, partly as bytes, or not completely. */
  spelling(text: string): Spelling {
    const { model } = this.#encoder;
    let spelling: Spelling = "tokens";
    for (const { text: part, token } of this.#normalised.divide(this.#normalise(text))) {
      if (token !== null) continue;
      if (this.#drops(part)) return "lost";
      for (const written of this.#tokensOf(part)) {
        const id = model?.tokens_to_ids.get(written);
        if (id === undefined || id === model?.unk_token_id) return "lost";
        if (this.#bytes === "byte_fallback" && byteToken.test(written)) spelling = "bytes";
      }
    }
    return spelling;
  }

  /** Whether characters vanish: those without a token, in a vocabulary without an unknown token. */
  #drops(text: string): boolean {
    if (this.#encoder.model?.unk_token_id !== undefined || this.#bytes !== "none") return false;
    return [...text].some((one) => one.trim() !== "" && this.#tokensOf(one).length === 0);
  }

  /** Tokens found in normalised text are decoded as that text. */
  #asDecoded(file: TokenizerFile, normalised: readonly AddedToken[]): TokenizerFile {
    const changed = new Set(normalised);
    return {
      ...file,
      added_tokens: file.added_tokens.map((token) =>
        changed.has(token) ? { ...token, content: this.#normalise(token.content) } : token,
      ),
    };
  }

  #normalise(text: string): string {
    const { normalizer } = this.#encoder;
    return normalizer === null ? text : normalizer(text);
  }

  #encodeNormalised(text: string, sectionIndex: number, ids: number[]): void {
    const { model } = this.#encoder;
    for (const token of this.#tokensOf(text, sectionIndex)) {
      const id = model?.tokens_to_ids.get(token) ?? model?.unk_token_id;
      if (id !== undefined) ids.push(id);
    }
  }

  #tokensOf(text: string, sectionIndex = 0): string[] {
    const { pre_tokenizer: split, model } = this.#encoder;
    if (model === null) throw new Error("Cannot encode: the tokenizer has no model");
    return model(split === null ? [text] : split(text, { section_index: sectionIndex }));
  }

  /** Text of the ids. Special tokens and ids beyond the vocabulary give no text. */
  decode(ids: readonly number[]): string {
    const known = ids.filter(
      (id) => !this.#specialIds.has(id) && this.#decoder.id_to_token(id) !== undefined,
    );
    if (known.length === 0) return "";
    return this.#decoder.decode(known, { clean_up_tokenization_spaces: false });
  }

  /**
   * The entries by id as a grammar over text reads them. Special entries are empty, and so are those with the joining
   * mark, whose text depends on the next token.
   */
  grammarEntries(size: number): {
    entries: string[];
    kind: "byte_level" | "byte_fallback" | "raw";
  } {
    const { joiner } = this;
    const entries = Array.from({ length: size }, (_, id) => {
      const entry = this.#specialIds.has(id) ? "" : (this.#decoder.id_to_token(id) ?? "");
      return joiner !== null && entry.includes(joiner) ? "" : entry;
    });
    return { entries, kind: this.#bytes === "none" ? "raw" : this.#bytes };
  }

  /** A token as the vocabulary writes it, special ones included. */
  tokenText(id: number): string {
    return this.#decoder.id_to_token(id) ?? "";
  }

  /** The bytes of a token's own text; none for a special one. */
  tokenBytes(id: number): Uint8Array {
    const entry = this.#specialIds.has(id) ? undefined : this.#decoder.id_to_token(id);
    if (entry === undefined) return new Uint8Array();
    const text = this.decode([id]);
    const { joiner } = this;
    const visible = joiner !== null && text.endsWith(joiner) ? text.slice(0, -joiner.length) : text;
    return tokenBytes(entry, this.#bytes) ?? new TextEncoder().encode(visible);
  }
}

function isVocabulary(vocab: unknown): boolean {
  if (Array.isArray(vocab)) {
    return vocab.every(
      (entry) =>
        Array.isArray(entry) &&
        entry.length === 2 &&
        typeof entry[0] === "string" &&
        typeof entry[1] === "number",
    );
  }
  return (
    typeof vocab === "object" && vocab !== null && Object.values(vocab).every(Number.isInteger)
  );
}

function isMerges(merges: unknown): boolean {
  return (
    Array.isArray(merges) &&
    merges.every(
      (merge) =>
        typeof merge === "string" ||
        (Array.isArray(merge) && merge.length === 2 && merge.every((t) => typeof t === "string")),
    )
  );
}

/** The same tokenizer without its special tokens in vocabulary and merges. */
function withoutSpecialTokens(file: TokenizerFile): object {
  const { vocab, merges } = file.model;
  const special = file.added_tokens
    .filter(({ special, content }) => special && content !== file.model.unk_token)
    .map(({ content }) => content);
  // Most vocabularies do not contain them, and need no copy.
  const removed = new Set(
    Array.isArray(vocab) ? special : special.filter((token) => Object.hasOwn(vocab, token)),
  );
  return {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...file,
    added_tokens: [],
    model: {
      ...file.model,
      ...(removed.size === 0 ? {} : { vocab: without(vocab, removed) }),
      ...(merges === undefined ? {} : { merges: pairs(merges, removed) }),
    },
  };
}

function without(
  vocab: TokenizerFile["model"]["vocab"],
  removed: ReadonlySet<string>,
): TokenizerFile["model"]["vocab"] {
  // A unigram vocabulary is indexed by id, so its entries are made unreachable instead.
  return Array.isArray(vocab)
    ? vocab.map((entry) => (removed.has(entry[0]) ? [`\0${entry[0]}`, -1e9] : entry))
    : Object.fromEntries(Object.entries(vocab).filter(([token]) => !removed.has(token)));
}

function pairs(
  merges: readonly (string | [string, string])[],
  removed: ReadonlySet<string>,
): [string, string][] {
  const split = merges.map((merge) => (typeof merge === "string" ? splitMerge(merge) : merge));
  return removed.size === 0 ? split : split.filter(([left, right]) => !removed.has(left + right));
}

/** Decoding needs no merges, which take most of a tokenizer's memory. */
function withoutMerges(file: TokenizerFile): object {
  const { merges } = file.model;
  return {
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...file,
    model: merges === undefined ? file.model : { ...file.model, merges: [] },
  };
}

function splitMerge(merge: string): [string, string] {
  const at = merge.indexOf(" ");
  return [merge.slice(0, at), merge.slice(at + 1)];
}

function longestToken({ model, added_tokens: added }: TokenizerFile): number {
  let longest = 1;
  if (Array.isArray(model.vocab)) {
    for (const [token] of model.vocab) longest = Math.max(longest, token.length);
  } else for (const token in model.vocab) longest = Math.max(longest, token.length);
  for (const { content } of added) longest = Math.max(longest, content.length);
  return longest;
}
