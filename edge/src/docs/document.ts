/** The OpenAPI document: the routes' schemas, with an introduction and an example of every body. */
import { examples } from "./bodies.ts";
import { describeEvents, describeFields, headersOf } from "./describe.ts";
import { failureExamples, failureList } from "./failures.ts";
import type { ApiDocument } from "./page.ts";
import { exampleOf } from "./schema.ts";
import { streams } from "./streams.ts";

interface Routes {
  getOpenAPI31Document(description: typeof introduction): object;
}

const introduction = {
  openapi: "3.1.0",
  info: {
    title: "rosa2",
    version: "0.1.0",
    description: `A hosted chat API that adapts inside a conversation: words first, then weights.

Open a session, ask in it, and say how good a reply was. The request is then reworded, the session's own adapter moves by one update, and with \`"retry": true\` the new generation answers again. \`/v1/chat/completions\` takes OpenAI's clients as they are; the header \`x-rosa2-session\` puts them into a session.

Every POST takes an \`Idempotency-Key\`: the same key with the same request gives the same answer for at least a day, streams included, and a second call waits for the first. Streams are server-sent events with numbers; a reader that lost its connection sends the last one as \`Last-Event-ID\` to \`GET …/events\` and gets what it missed, then what follows. A dropped connection stops nothing; \`POST …/stop\` does.

Every answer carries \`x-request-id\` and, for a key, the \`RateLimit\` headers. A failure answers with its status and a body of the shape \`Error\`; switch on its \`code\`:

${failureList}`,
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/" }],
  tags: [
    { name: "Chat", description: "OpenAI-compatible chat, with or without a session" },
    { name: "Sessions", description: "Conversations that learn" },
    { name: "Turns", description: "Requests and replies of a session" },
    { name: "Feedback", description: "What makes a session learn" },
    { name: "Words", description: "What a session has learnt about words" },
    { name: "Generations", description: "Lineage of a session's adapter" },
    {
      name: "Client tokens",
      description: "For phones and browsers: short-lived, for one owner; keys are for servers",
    },
    { name: "Webhooks", description: "Messages that the tenant's own server receives" },
    { name: "Account", description: "Keys, usage, budget, and the tenant itself" },
    { name: "Service", description: "What the deployment is" },
  ],
};

export function describeApi(routes: Routes): ApiDocument {
  const document = routes.getOpenAPI31Document(introduction) as ApiDocument;
  const named = document.components?.schemas ?? {};
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(operations)) {
      const { requestBody, responses } = operation;
      operation.security ??= [];
      operation.description ??= `${operation.summary}.`;
      const bodies = [requestBody, ...Object.values(responses)].map((body) => body?.content ?? {});
      for (const content of bodies) {
        for (const [type, media] of Object.entries(content)) {
          if (type === "text/event-stream") {
            media.example = streams[`${method} ${path}`];
            describeEvents(`${method} ${path}`, media);
          }
          if (type !== "application/json" || media.schema === undefined) continue;
          const name = media.schema.$ref?.split("/").at(-1) ?? "";
          media.example = examples[name] ?? exampleOf(media.schema, named);
        }
      }
      for (const [status, answer] of Object.entries(responses)) {
        const { content } = answer;
        answer.headers = { ...headersOf(`${method} ${path}`, Number(status)), ...answer.headers };
        const media = content?.["application/json"];
        if (Number(status) < 400 || media === undefined) continue;
        delete media.example;
        media.examples = failureExamples(Number(status));
      }
    }
  }
  // The router writes a message's type as a path.
  const messages = Object.entries(document.webhooks ?? {});
  document.webhooks = Object.fromEntries(messages.map(([at, told]) => [at.replace("/", ""), told]));
  for (const [, { post }] of messages) {
    for (const media of Object.values(post.requestBody?.content ?? {})) {
      media.example = examples[media.schema?.$ref?.split("/").at(-1) ?? ""];
    }
  }
  describeFields(document);
  return document;
}
