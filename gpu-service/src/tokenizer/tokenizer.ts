/**
 * A checkpoint's tokenizer and chat template: messages to prompt ids, ids to text. Special tokens come only from the
 * template; a message's content always stays text.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import type { OutputShape, PromptMessage } from "@rosa2/shared/protocol";
import { splitThought } from "@rosa2/shared/thinking";
import { z } from "zod";
import { type AddedToken, isMarkup, TokenMatcher } from "./added-tokens.ts";
import { ChatTemplate, type Forbids } from "./chat-template.ts";
import { Detokenizer } from "./detokenizer.ts";
import { type Foreign, foreignText } from "./foreign-text.ts";
import { missingTokenizer } from "./missing-tokenizer.ts";
import { type TokenizerFile, tokenizerFileSchema, Vocabulary } from "./vocabulary.ts";
import { TookTooLong, withinTime } from "./within-time.ts";

/** Time limit of tokenising: a constant and a share per character, many times what honest patterns take. */
const encodeMsMax = { base: 1500, perCharacter: 0.02 };

const configSchema = z.looseObject({
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .optional(),
});

type PromptShape = Pick<OutputShape, "tools" | "thinking">;

export interface TokenizerFiles {
  /** tokenizer.json */
  tokenizer: unknown;
  /** tokenizer_config.json */
  config: unknown;
  /** special_tokens_map.json, for tokens that the config does not name. */
  specialTokens?: unknown;
  /** chat_template.jinja, which wins over the template in the config. */
  chatTemplate?: string | undefined;
}

export class ChatTokenizer {
  /** The token that ends a reply in this template. */
  readonly endId: number;
  /** All tokens that end a reply: the checkpoint's end tokens and the tokenizer's own `eos_token`. */
  readonly endIds: readonly number[];
  readonly #vocabulary: Vocabulary;
  readonly #template: ChatTemplate;
  readonly #addedTokens: ReadonlyMap<string, AddedToken>;
  readonly #templateSource: string;
  /** Every added token that is searched for before normalisation, and those among them that are not special. */
  readonly #anyToken: TokenMatcher;
  readonly #plainToken: TokenMatcher;
  /** Known after first use. */
  #betweenPromptAndAnswer: string | null = null;

  /**
   * `eosIds` are the checkpoint's end tokens. A model trained further with another template may end its replies with
   * the tokenizer's `eos_token`, so that one counts too. `endId` is the one that the template writes after a reply. Ids
   * from `vocabSize` on have no embedding. Throws `checkpoint_invalid` or `checkpoint_unsupported`.
   */
  constructor(files: TokenizerFiles, eosIds: readonly number[], vocabSize = Infinity) {
    const file = parse(tokenizerFileSchema, files.tokenizer, "tokenizer.json");
    const config = parse(configSchema, files.config, "tokenizer_config.json");
    const named = { ...namedTokens(files.specialTokens ?? {}), ...namedTokens(config) };
    this.#templateSource = templateSource(files, config);
    refuseIdsBeyond(file, vocabSize);
    // A token without an embedding cannot be fed, so its name stays text.
    const added = file.added_tokens.filter(({ id }) => id < vocabSize);
    this.#addedTokens = new Map(added.map((token) => [token.content, token]));
    const isNormalised = (token: AddedToken) =>
      token.normalized &&
      !token.special &&
      Boolean(file.normalizer) &&
      !isMarkup(token.content, this.#templateSource);
    this.#vocabulary = new Vocabulary(
      { ...file, added_tokens: added },
      config,
      added.filter(isNormalised),
    );
    const early = new Map([...this.#addedTokens].filter(([, token]) => !isNormalised(token)));
    this.#anyToken = new TokenMatcher(early);
    this.#plainToken = new TokenMatcher(
      new Map([...early].filter(([content]) => !this.#forbids("assistant", content))),
    );
    const contents = [...this.#addedTokens.keys()];
    this.#template = new ChatTemplate(this.#templateSource, named, contents, this.#forbids);
    const ownEnd = this.#addedTokens.get(named.eos_token ?? "")?.id;
    this.endIds = [...new Set(ownEnd === undefined ? eosIds : [...eosIds, ownEnd])];
    this.endId = this.#findEndId();
  }

  /** Reads the tokenizer's files from a checkpoint directory. */
  static load(directory: string, eosIds: readonly number[], vocabSize = Infinity): ChatTokenizer {
    const template = join(directory, "chat_template.jinja");
    if (existsSync(directory) && !existsSync(join(directory, "tokenizer.json")))
      throw missingTokenizer(readdirSync(directory), directory);
    const readIfThere = (name: string) =>
      existsSync(join(directory, name)) ? readJson(directory, name) : {};
    return new ChatTokenizer(
      {
        tokenizer: readJson(directory, "tokenizer.json"),
        config: readIfThere("tokenizer_config.json"),
        specialTokens: readIfThere("special_tokens_map.json"),
        chatTemplate: existsSync(template) ? readFileSync(template, "utf8") : undefined,
      },
      eosIds,
      vocabSize,
    );
  }

  /**
   * Ids of the conversation up to the beginning of the assistant's reply. Throws `invalid_request` if the template
   * refuses the messages. Throws `context_length_exceeded`, without tokenising, if they cannot fit `tokensMax` even
   * with this vocabulary's longest tokens.
   */
  promptIds(messages: readonly PromptMessage[], tokensMax = Infinity): Int32Array {
    return this.prompt(messages, tokensMax, {}).ids;
  }

  /**
   * As `promptIds`; also says whether the reply begins with a thought: inside one that the prompt opened, possibly, or
   * not.
   */
  prompt(
    messages: readonly PromptMessage[],
    tokensMax: number,
    shape: PromptShape,
  ): { ids: Int32Array; thought: "open" | "possible" | "none" } {
    const chars = messages.reduce((sum, { content }) => sum + content.length, 0);
    const tokensAtLeast = Math.ceil(chars / this.#vocabulary.tokenCharsMax);
    if (tokensAtLeast > tokensMax) {
      throw new RosaError(
        "context_length_exceeded",
        `Cannot take messages of at least ${tokensAtLeast} tokens: the context holds ${tokensMax}`,
        { param: "messages" },
      );
    }
    const { ids, text } = this.#render(messages, true, shape);
    if (ids.length === 0) {
      throw new RosaError("invalid_request", "Cannot generate: the prompt has no tokens", {
        param: "messages",
      });
    }
    const isOpen = /<think>\s*$/.test(text);
    const thought = isOpen ? "open" : this.#template.thinks ? "possible" : "none";
    return { ids: Int32Array.from(ids), thought };
  }

  /** Ids of an assistant's reply as the model would write it, with the end token. */
  replyIds(text: string): Int32Array {
    return Int32Array.from([...this.#encodeInTime(text, this.#plainToken), this.endId]);
  }

  /**
   * A reply at its place in the template. A think block, the reply's own or the empty one with which the template
   * begins an answer, belongs to the prompt: scored and learned is the answer after it.
   */
  exampleIds(
    messages: readonly PromptMessage[],
    reply: string,
    tokensMax = Infinity,
  ): { prompt: Int32Array; reply: Int32Array } {
    const { thought, answer } = splitThought(reply);
    const begun = this.promptIds(messages, tokensMax);
    const block = thought === "" ? this.#emptyThought() : thought;
    const ids = block === "" ? [] : this.#encodeInTime(block, this.#plainToken);
    return { prompt: Int32Array.from([...begun, ...ids]), reply: this.replyIds(answer) };
  }

  /** Parts of a reply for which the tokenizer has no token, each once, up to `foreignMax` of a kind. */
  foreign(reply: string): Foreign {
    const text = this.#plainToken
      .divide(reply)
      .map((section) => section.text)
      .join(" ");
    return this.#inTime(text, () => foreignText(text, (part) => this.#vocabulary.spelling(part)));
  }

  detokenizer(): Detokenizer {
    return new Detokenizer((ids) => this.#vocabulary.decode(ids), this.#vocabulary.joiner);
  }

  decode(ids: readonly number[]): string {
    return this.#vocabulary.decode(ids);
  }

  /** The vocabulary of `size` ids as a grammar reads it. */
  grammarVocabulary(size: number) {
    return { ...this.#vocabulary.grammarEntries(size), endIds: this.endIds };
  }

  /** A token as the vocabulary writes it, special ones included. */
  tokenText(id: number): string {
    return this.#vocabulary.tokenText(id);
  }

  /** The bytes of text that a token stands for by itself. */
  tokenBytes(id: number): Uint8Array {
    return this.#vocabulary.tokenBytes(id);
  }

  /** The think block, if any, that the template writes between the prompt's end and an answer without thoughts. */
  #emptyThought(): string {
    if (this.#betweenPromptAndAnswer !== null) return this.#betweenPromptAndAnswer;
    const asked: PromptMessage = { role: "user", content: "a" };
    const answer = "§";
    const text = (messages: readonly PromptMessage[], addGenerationPrompt: boolean) => {
      const { text, restore } = this.#template.render(messages, { addGenerationPrompt });
      return restore(text);
    };
    const prompt = text([asked], true);
    const whole = text([asked, { role: "assistant", content: answer }], false);
    const rest = whole.startsWith(prompt) ? whole.slice(prompt.length) : "";
    const between = rest.slice(0, Math.max(0, rest.indexOf(answer)));
    this.#betweenPromptAndAnswer = splitThought(between).thought;
    return this.#betweenPromptAndAnswer;
  }

  #render(
    messages: readonly PromptMessage[],
    addGenerationPrompt: boolean,
    shape: PromptShape = {},
  ): { ids: number[]; text: string } {
    const { text, restore } = this.#template.render(messages, { addGenerationPrompt, shape });
    return { ids: this.#encodeInTime(text, this.#anyToken, restore), text };
  }

  #encodeInTime(text: string, tokens: TokenMatcher, restore?: (part: string) => string): number[] {
    return this.#inTime(text, () => this.#encode(text, tokens, restore));
  }

  /**
   * Bounds the time of an action: a pattern of tokenizer.json may take forever on some text. Throws
   * `checkpoint_unsupported` then.
   */
  #inTime<T>(text: string, action: () => T): T {
    const limitMs = Math.ceil(encodeMsMax.base + encodeMsMax.perCharacter * text.length);
    try {
      return withinTime(limitMs, action);
    } catch (cause) {
      if (!(cause instanceof TookTooLong)) throw cause;
      throw new RosaError(
        "checkpoint_unsupported",
        `Cannot tokenise ${text.length} characters with tokenizer.json: ${cause.message}`,
        { param: "tokenizer.json", cause },
      );
    }
  }

  /** Ids of a text divided at tokens; the parts between are plain text. */
  #encode(text: string, tokens: TokenMatcher, restore = (part: string) => part): number[] {
    const ids: number[] = [];
    for (const [index, section] of tokens.divide(text).entries()) {
      if (section.token !== null) ids.push(section.token.id);
      else
        for (const id of this.#vocabulary.encodePlain(restore(section.text), index)) ids.push(id);
    }
    return ids;
  }

  /**
   * Special tokens in a message stay text. Other markup ("<think>", "[TOOL]") may be written by the assistant and the
   * developer, not by the user or a tool.
   */
  readonly #forbids: Forbids = (role, content) => {
    const token = this.#addedTokens.get(content);
    if (token === undefined) return false;
    return (
      token.special ||
      ((role === "user" || role === "tool") && isMarkup(content, this.#templateSource))
    );
  };

  /** The last end token of a rendered exchange. */
  #findEndId(): number {
    const [first] = this.endIds;
    if (first === undefined) {
      throw new RosaError("checkpoint_invalid", "Cannot end replies: eos_token_id is missing", {
        param: "eos_token_id",
      });
    }
    const exchange: PromptMessage[] = [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
    ];
    const { ids } = this.#render(exchange, false);
    return ids.findLast((id) => this.endIds.includes(id)) ?? first;
  }
}

/** Throws `checkpoint_invalid` if the model's own vocabulary has ids without an embedding. */
function refuseIdsBeyond({ model: { vocab } }: TokenizerFile, vocabSize: number): void {
  let largest = Array.isArray(vocab) ? vocab.length - 1 : 0;
  if (!Array.isArray(vocab)) for (const token in vocab) largest = Math.max(largest, vocab[token]!);
  if (largest >= vocabSize)
    throw new RosaError(
      "checkpoint_invalid",
      `Cannot use tokenizer.json: its vocabulary has ids up to ${largest}, the model embeddings below vocab_size ${vocabSize} only`,
      { param: "tokenizer.json" },
    );
}

function templateSource(
  { chatTemplate }: TokenizerFiles,
  { chat_template }: z.infer<typeof configSchema>,
): string {
  const source =
    chatTemplate ??
    (typeof chat_template === "string"
      ? chat_template
      : chat_template?.find(({ name }) => name === "default")?.template);
  if (source !== undefined) return source;
  throw new RosaError(
    "checkpoint_unsupported",
    "Cannot chat: the checkpoint has no chat_template.jinja and no chat_template in tokenizer_config.json",
    { param: "chat_template" },
  );
}

/** `bos_token` and its like, which are strings or objects with a `content`. */
function namedTokens(json: unknown): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [name, value] of Object.entries(z.looseObject({}).catch({}).parse(json))) {
    if (!name.endsWith("_token")) continue;
    const content = z.union([z.string(), z.object({ content: z.string() })]).safeParse(value);
    if (!content.success) continue;
    named[name] = typeof content.data === "string" ? content.data : content.data.content;
  }
  return named;
}

function readJson(directory: string, name: string): unknown {
  try {
    return JSON.parse(readFileSync(join(directory, name), "utf8"));
  } catch (cause) {
    throw new RosaError(
      "checkpoint_invalid",
      `Cannot read ${name} of the checkpoint: ${cause instanceof Error ? cause.message : cause}`,
      { param: name, cause },
    );
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RosaError(
    "checkpoint_invalid",
    `Cannot read ${name}: ${issue?.path.join(".")} ${issue?.message}`,
    { param: name, cause: parsed.error },
  );
}
