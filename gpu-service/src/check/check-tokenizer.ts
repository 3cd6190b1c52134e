/** Describes a checkpoint's tokenizer and chat template and says whether they work; knows no weights. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { missingTokenizer } from "../tokenizer/missing-tokenizer.ts";
import { ChatTokenizer } from "../tokenizer/tokenizer.ts";

export interface TokenizerReport {
  /** Kind of the model in tokenizer.json and of the parts around it. */
  kind: string;
  tokens: number;
  /** Where the chat template was found. */
  chat_template: "chat_template.jinja" | "tokenizer_config.json" | null;
  /** Whether the template takes a system message; null where the template does not work. */
  system_messages: boolean | null;
  /** The token that ends a reply, and all tokens that do. */
  end_token: string | null;
  end_ids: number[];
}

interface Findings {
  problem(error: RosaError): void;
  warn(text: string): void;
}

const part = z.looseObject({ type: z.string() }).nullish();
const fileSchema = z.looseObject({
  normalizer: part,
  pre_tokenizer: part,
  decoder: part,
  added_tokens: z.array(z.looseObject({ id: z.number(), content: z.string() })).default([]),
  model: z.looseObject({
    type: z.string().default("BPE"),
    vocab: z.union([z.record(z.string(), z.number()), z.array(z.unknown())]),
  }),
});

/** Text that tokenizers treat in different ways: accents, digits, other scripts, code, spaces. */
const sample = "Straße 42: naïve Ω ≠ 日本\n  if (x) { y = 0.5; }";

/** Throws what makes tokenizer.json unreadable. Other problems go to `findings`. */
export function describeTokenizer(
  directory: string,
  config: ModelConfig | null,
  findings: Findings,
): TokenizerReport {
  const { normalizer, pre_tokenizer, decoder, model, added_tokens } = readTokenizer(directory);
  const ids = Array.isArray(model.vocab) ? [model.vocab.length - 1] : Object.values(model.vocab);
  let largest = 0;
  for (const id of ids) largest = Math.max(largest, id);
  for (const { id } of added_tokens) largest = Math.max(largest, id);
  const { vocabSize = Infinity } = config ?? {};
  const unusable = added_tokens.filter(({ id }) => id >= vocabSize).map(({ content }) => content);
  if (unusable.length > 0)
    findings.warn(
      `${unusable.length} added tokens stay text, because the model has no embeddings from ${vocabSize} on: ${unusable.slice(0, 5).join(" ")}`,
    );

  const parts = Object.entries({ normalizer, pre_tokenizer, decoder });
  const around = parts.flatMap(([name, value]) => (value ? [`${name} ${value.type}`] : []));
  const report: TokenizerReport = {
    kind: [model.type, ...around].join(", "),
    tokens: largest + 1,
    chat_template: findTemplate(directory),
    system_messages: null,
    end_token: null,
    end_ids: [],
  };
  const tokenizer = tryTo(findings, () =>
    ChatTokenizer.load(directory, config?.eosIds ?? [], config?.vocabSize),
  );
  if (tokenizer === null) return report;
  report.end_token = tokenizer.tokenText(tokenizer.endId);
  report.end_ids = [...tokenizer.endIds];
  report.system_messages = tryTemplate(tokenizer, findings);
  const text = tokenizer.decode([...tokenizer.replyIds(sample)].slice(0, -1));
  if (text.trim() !== sample)
    findings.warn(`the tokenizer does not give text back as it was: ${JSON.stringify(text)}`);
  return report;
}

function tryTemplate(tokenizer: ChatTokenizer, findings: Findings): boolean | null {
  const user = { role: "user", content: "Hello" } as const;
  const plain = tryTo(findings, () => tokenizer.promptIds([user]));
  if (plain === null) return null;
  const system = { role: "system", content: "Be brief." } as const;
  let reason = "it leaves them out";
  const silent = { ...findings, problem: ({ message }: RosaError) => (reason = message) };
  const instructed = tryTo(silent, () => tokenizer.promptIds([system, user]));
  if (instructed !== null && instructed.join() !== plain.join()) return true;
  findings.warn(`the chat template takes no system messages: ${reason}`);
  return false;
}

function tryTo<T>(findings: Findings, action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof RosaError)) throw error;
    findings.problem(error);
    return null;
  }
}

function findTemplate(directory: string): TokenizerReport["chat_template"] {
  if (existsSync(join(directory, "chat_template.jinja"))) return "chat_template.jinja";
  try {
    const config = JSON.parse(readFileSync(join(directory, "tokenizer_config.json"), "utf8"));
    return config.chat_template ? "tokenizer_config.json" : null;
  } catch {
    return null;
  }
}

function readTokenizer(directory: string): z.infer<typeof fileSchema> {
  const name = "tokenizer.json";
  if (!existsSync(join(directory, name))) throw missingTokenizer(readdirSync(directory), directory);
  try {
    return fileSchema.parse(JSON.parse(readFileSync(join(directory, name), "utf8")));
  } catch (cause) {
    const reason =
      cause instanceof z.ZodError
        ? `${cause.issues[0]?.path.join(".")} ${cause.issues[0]?.message}`
        : (cause as Error).message;
    throw new RosaError("checkpoint_invalid", `Cannot read ${name}: ${reason}`, {
      param: name,
      cause,
    });
  }
}
