/**
 * A checkpoint's tokenizer and chat template: messages to prompt ids, ids to text. Special tokens
 * come from the template only; whatever a message says, it stays text.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import type { Message } from "@rosa2/shared/protocol";
import { z } from "zod";
import { ChatTemplate, type Forbids, matchAny } from "./chat-template.ts";
import { Detokenizer } from "./detokenizer.ts";
import { type TokenizerFile, tokenizerFileSchema, Vocabulary } from "./vocabulary.ts";

const configSchema = z.looseObject({
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .optional(),
});

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
  /** All that end a reply: the checkpoint's end tokens and the tokenizer's own `eos_token`. */
  readonly endIds: readonly number[];
  readonly #vocabulary: Vocabulary;
  readonly #template: ChatTemplate;
  readonly #addedTokens: ReadonlyMap<string, TokenizerFile["added_tokens"][number]>;
  /** Matches every added token, and those that are not special. */
  readonly #anyToken: RegExp | null;
  readonly #plainToken: RegExp | null;

  /**
   * `eosIds` are the checkpoint's end tokens. A model trained further with another template may end its
   * replies with the tokenizer's `eos_token` instead, so that one counts too; of all, the one that the
   * template itself writes after a reply is `endId`. Throws `checkpoint_invalid` or `checkpoint_unsupported`.
   */
  constructor(files: TokenizerFiles, eosIds: readonly number[]) {
    const file = parse(tokenizerFileSchema, files.tokenizer, "tokenizer.json");
    const config = parse(configSchema, files.config, "tokenizer_config.json");
    const named = { ...namedTokens(files.specialTokens ?? {}), ...namedTokens(config) };
    this.#vocabulary = new Vocabulary(file, config);
    this.#addedTokens = new Map(file.added_tokens.map((token) => [token.content, token]));
    const contents = [...this.#addedTokens.keys()];
    this.#anyToken = matchAny(contents);
    this.#plainToken = matchAny(contents.filter((token) => !this.#forbids("assistant", token)));
    this.#template = new ChatTemplate(
      templateSource(files, config),
      named,
      contents,
      this.#forbids,
    );
    const ownEnd = this.#addedTokens.get(named.eos_token ?? "")?.id;
    this.endIds = [...new Set(ownEnd === undefined ? eosIds : [...eosIds, ownEnd])];
    this.endId = this.#findEndId();
  }

  /** Reads the tokenizer's files from a checkpoint directory. */
  static load(directory: string, eosIds: readonly number[]): ChatTokenizer {
    const template = join(directory, "chat_template.jinja");
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
    );
  }

  /**
   * Ids of the conversation up to where the assistant's reply begins. Throws `invalid_request` if
   * the template refuses the messages, and `context_length_exceeded`, without tokenising, if they
   * cannot fit `tokensMax` at this vocabulary's longest token.
   */
  promptIds(messages: readonly Message[], tokensMax = Infinity): Int32Array {
    const chars = messages.reduce((sum, { content }) => sum + content.length, 0);
    const tokensAtLeast = Math.ceil(chars / this.#vocabulary.tokenCharsMax);
    if (tokensAtLeast > tokensMax) {
      throw new RosaError(
        "context_length_exceeded",
        `Cannot take messages of at least ${tokensAtLeast} tokens: the context holds ${tokensMax}`,
        { param: "messages" },
      );
    }
    const ids = this.#render(messages, true);
    if (ids.length === 0) {
      throw new RosaError("invalid_request", "Cannot generate: the prompt has no tokens", {
        param: "messages",
      });
    }
    return Int32Array.from(ids);
  }

  /** Ids of an assistant's reply as the model would write it, with the end token. */
  replyIds(text: string): Int32Array {
    return Int32Array.from([...this.#encode(text, this.#plainToken), this.endId]);
  }

  detokenizer(): Detokenizer {
    return new Detokenizer((ids) => this.#vocabulary.decode(ids), this.#vocabulary.joiner);
  }

  decode(ids: readonly number[]): string {
    return this.#vocabulary.decode(ids);
  }

  /** A token as the vocabulary writes it, special ones included. */
  tokenText(id: number): string {
    return this.#vocabulary.tokenText(id);
  }

  /** The bytes of text that a token stands for by itself. */
  tokenBytes(id: number): Uint8Array {
    return this.#vocabulary.tokenBytes(id);
  }

  #render(messages: readonly Message[], addGenerationPrompt: boolean): number[] {
    const { text, restore } = this.#template.render(messages, { addGenerationPrompt });
    return this.#encode(text, this.#anyToken, restore);
  }

  /** Splits at the tokens that `pattern` matches; what lies between is plain text. */
  #encode(text: string, pattern: RegExp | null, restore = (part: string) => part): number[] {
    const ids: number[] = [];
    const sections = splitAt(text, pattern);
    for (const [index, section] of sections.entries()) {
      const token = index % 2 === 1 ? this.#addedTokens.get(section) : undefined;
      if (token !== undefined) {
        ids.push(token.id);
        continue;
      }
      let plain = section;
      if (this.#addedTokens.get(sections[index - 1] ?? "")?.rstrip) plain = plain.trimStart();
      if (this.#addedTokens.get(sections[index + 1] ?? "")?.lstrip) plain = plain.trimEnd();
      if (plain === "") continue; // a normaliser would make a token of nothing
      for (const id of this.#vocabulary.encodePlain(restore(plain), index)) ids.push(id);
    }
    return ids;
  }

  /**
   * Nobody may write special tokens. Markup that is not special ("<think>", "[TOOL]") is the
   * assistant's and the developer's to write, not the user's.
   */
  readonly #forbids: Forbids = (role, content) => {
    const token = this.#addedTokens.get(content);
    if (token === undefined) return false;
    return token.special || (role === "user" && /^(<.*>|\[.*\])$/su.test(content));
  };

  /** The last end token of a rendered exchange. */
  #findEndId(): number {
    const [first] = this.endIds;
    if (first === undefined) {
      throw new RosaError("checkpoint_invalid", "Cannot end replies: eos_token_id is missing", {
        param: "eos_token_id",
      });
    }
    const exchange: Message[] = [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
    ];
    return this.#render(exchange, false).findLast((id) => this.endIds.includes(id)) ?? first;
  }
}

/** Plain text at even places, tokens at odd ones. */
function splitAt(text: string, pattern: RegExp | null): string[] {
  if (pattern === null) return [text];
  const sections: string[] = [];
  let end = 0;
  for (const { 0: token, index } of text.matchAll(pattern)) {
    sections.push(text.slice(end, index), token);
    end = index + token.length;
  }
  sections.push(text.slice(end));
  return sections;
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
