/** Conversations as tokens, exactly as the chat template renders them. Knows no task. */
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";
import type { Turn } from "../language/conversations.ts";
import { specialTokens } from "./vocabulary.ts";

export interface Conversation {
  ids: number[];
  /** Whether the model learns to say the token. */
  learn: boolean[];
}

export type Encode = (turns: readonly Turn[]) => Conversation;

/** The tokenizer in a checkpoint directory. */
export function readTokenizer(directory: URL): Tokenizer {
  const read = (name: string) => JSON.parse(readFileSync(new URL(name, directory), "utf8"));
  return new Tokenizer(read("tokenizer.json"), read("tokenizer_config.json"));
}

/**
 * The model's turns are learnt with their end token. The tokenizer splits the text at special tokens first, so encoding
 * turn by turn gives the same ids as encoding the rendered conversation.
 */
export function conversationEncoder(tokenizer: Tokenizer): Encode {
  const idOf = (token: string) => {
    const id = tokenizer.token_to_id(token);
    if (id === undefined) throw new Error(`The tokenizer has no token "${token}"`);
    return id;
  };
  const roles = {
    system: idOf(specialTokens.system),
    user: idOf(specialTokens.user),
    assistant: idOf(specialTokens.assistant),
  };
  const end = idOf(specialTokens.end);
  return (turns) => {
    const ids: number[] = [];
    const learn: boolean[] = [];
    for (const turn of turns) {
      const content = tokenizer.encode(turn.content, { add_special_tokens: false }).ids;
      if (turn.role === "assistant") content.push(end);
      ids.push(roles[turn.role], ...content);
      learn.push(false, ...content.map(() => turn.learn));
    }
    return { ids, learn };
  };
}
