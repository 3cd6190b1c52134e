/** A model of the platform's AI binding as rewriter; it exists in deployments only. */
import type { Message } from "@rosa2/shared/protocol";
import { z } from "zod";
import { answerJsonSchema, chatPrompt, readAnswer, reportedUsageSchema } from "./prompt.ts";
import type { Rewriter } from "./provider.ts";

/** The part of the binding that is used. */
export interface AiBinding {
  run: (
    model: string,
    input: {
      messages: Message[];
      temperature: number;
      response_format: { type: "json_schema"; json_schema: unknown };
    },
  ) => Promise<unknown>;
}

/** `response` is text, or already an object where the model was held to the schema. */
const answerSchema = z.object({
  response: z.union([z.string().max(200_000), z.record(z.string(), z.unknown())]),
  usage: reportedUsageSchema.nullish(),
});

/** Without the binding every proposal fails, and what was said stands. */
export function workersAiRewriter(
  ai: AiBinding | undefined,
  model: string,
  { isMetered = false } = {},
): Rewriter {
  return {
    name: "workers-ai",
    repairs: true,
    async propose(task, { count, fault }) {
      if (ai === undefined) throw new Error("this deployment has no AI binding");
      const answer = await ai.run(model, {
        messages: chatPrompt(task, count, fault),
        temperature: 0,
        response_format: { type: "json_schema", json_schema: answerJsonSchema },
      });
      const { response, usage } = answerSchema.parse(answer);
      return { wordings: readAnswer(response, count), usage: isMetered ? (usage ?? null) : null };
    },
  };
}
