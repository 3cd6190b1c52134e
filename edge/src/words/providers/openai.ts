/** Any endpoint with the OpenAI chat completions interface as rewriter. */
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { answerJsonSchema, chatPrompt, readAnswer, reportedUsageSchema } from "./prompt.ts";
import type { Rewriter } from "./provider.ts";

export interface OpenAiOptions {
  /** Base URL up to and including the version: https://api.example.com/v1 */
  url: string;
  key: string;
  model: string;
  /** Whether its tokens are the session's to pay: it is the model that gives replies. */
  isMetered?: boolean;
  fetch?: typeof fetch;
}

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().max(500_000) }) })).min(1),
  usage: reportedUsageSchema.nullish(),
});

export function openAiRewriter(options: OpenAiOptions): Rewriter {
  const { url, key, model, isMetered = false, fetch: send = fetch } = options;
  const endpoint = `${url.replace(/(?<!\/)\/+$/u, "")}/chat/completions`;
  return {
    name: "openai",
    repairs: true,
    async propose(task, { count, signal, fault }) {
      const response = await send(endpoint, {
        method: "POST",
        signal,
        headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
        body: JSON.stringify({
          model,
          messages: chatPrompt(task, count, fault),
          temperature: 0,
          response_format: {
            type: "json_schema",
            json_schema: { name: "rewrites", schema: answerJsonSchema },
          },
        }),
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw new RosaError(
          "internal_error",
          `The rewriter's endpoint answered ${response.status}`,
        );
      }
      const answer = answerSchema.parse(await response.json());
      return {
        wordings: readAnswer(answer.choices[0]?.message.content ?? "", count),
        usage: isMetered ? (answer.usage ?? null) : null,
      };
    },
  };
}
