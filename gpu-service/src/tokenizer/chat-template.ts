/** Renders messages with a checkpoint's Jinja template and replaces words that messages may not contain. It knows no ids. */
import { RosaError } from "@rosa2/shared/errors";
import type { OutputShape, PromptMessage } from "@rosa2/shared/protocol";
import { Template } from "./jinja/template.ts";
import { matchAny } from "./match-any.ts";
import { messagesAsText, templateMessages, templateTools } from "./tool-messages.ts";
import { withinTime } from "./within-time.ts";

export interface RenderOptions {
  /** Ends with the header of the assistant's turn. */
  addGenerationPrompt: boolean;
  /** Callable functions, and whether a thinking model thinks first. */
  shape?: Pick<OutputShape, "tools" | "thinking">;
}

export interface Rendered {
  /** The prompt, with stand-ins for the words that messages may not contain. */
  text: string;
  /** Puts the original words back into a part of the text. */
  restore(part: string): string;
}

/** No published template needs a hundredth of this, however long the messages are. */
const renderMsMax = 2000;

/** Whether `role` may not use the added token `content` as a token. */
export type Forbids = (role: PromptMessage["role"], token: string) => boolean;

export class ChatTemplate {
  readonly #source: string;
  readonly #template: Template;
  readonly #variables: Record<string, unknown>;
  readonly #tokens: readonly string[];
  readonly #forbids: Forbids;

  /** `variables` are those that templates expect besides the messages: `bos_token`, `eos_token` … */
  constructor(
    source: string,
    variables: Record<string, unknown>,
    tokens: readonly string[],
    forbids: Forbids,
  ) {
    try {
      this.#template = withinTime(renderMsMax, () => new Template(source));
    } catch (cause) {
      throw new RosaError(
        "checkpoint_unsupported",
        `Cannot read the chat template: ${cause instanceof Error ? cause.message : cause}`,
        { param: "chat_template", cause },
      );
    }
    this.#source = source;
    this.#variables = variables;
    this.#tokens = tokens;
    this.#forbids = forbids;
  }

  /** Whether replies may begin with a thought. */
  get thinks(): boolean {
    return this.#source.includes("<think>") || this.#source.includes("</think>");
  }

  /**
   * Renders messages. They pass through the template's own logic (trimming, splitting) as they are, except that names
   * of tokens in them become stand-ins that match no token. Throws `invalid_request` if the template refuses the
   * messages (roles in a wrong order).
   */
  render(
    messages: readonly PromptMessage[],
    { addGenerationPrompt, shape: { tools = [], thinking } = {} }: RenderOptions,
  ): Rendered {
    const speaksTools = this.#source.includes("<tool_call>") && /\btools\b/.test(this.#source);
    const said = speaksTools ? templateMessages(messages) : messagesAsText(messages, tools);
    const standIns = new StandIns([this.#source, JSON.stringify(said)]);
    const guard = (role: PromptMessage["role"], value: unknown): unknown => {
      if (typeof value === "string") {
        return standIns.replace(
          value,
          this.#tokens.filter((token) => this.#forbids(role, token)),
        );
      }
      if (Array.isArray(value)) return value.map((one) => guard(role, one));
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, guard(role, one)]));
    };
    const guarded = said.map(({ role, ...rest }) => ({ role, ...(guard(role, rest) as object) }));
    try {
      const text = withinTime(renderMsMax, () =>
        this.#template.render({
          // The value that `transformers` passes by default.
          tools: speaksTools && tools.length > 0 ? guard("system", templateTools(tools)) : null,
          ...(thinking === undefined ? {} : { enable_thinking: thinking }),
          documents: null,
          ...this.#variables,
          messages: guarded,
          add_generation_prompt: addGenerationPrompt,
        }),
      );
      return { text, restore: (part) => standIns.restore(part) };
    } catch (cause) {
      throw new RosaError(
        "invalid_request",
        `Cannot apply the model's chat template: ${cause instanceof Error ? cause.message : cause}`,
        { param: "messages", cause },
      );
    }
  }
}

/** Replaces words by numbers between marks that occur nowhere in the given texts. */
export class StandIns {
  readonly #mark: string;
  readonly #words: string[] = [];

  constructor(texts: readonly string[]) {
    // Marks open and close with different private-use characters, so they cannot overlap themselves.
    let n = 0;
    const markOf = (i: number) => `\ue000${i}\ue001`;
    while (texts.some((text) => text.includes(markOf(n)))) n++;
    this.#mark = markOf(n);
  }

  replace(text: string, words: readonly string[]): string {
    const present = matchAny(words.filter((word) => text.includes(word)));
    if (present === null) return text;
    return text.replace(present, (word) => {
      this.#words.push(word);
      return `${this.#mark}${this.#words.length - 1}${this.#mark}`;
    });
  }

  restore(text: string): string {
    if (this.#words.length === 0) return text;
    return text.replace(
      new RegExp(`${this.#mark}(\\d+)${this.#mark}`, "gu"),
      (whole, index) => this.#words[Number(index)] ?? whole,
    );
  }
}
