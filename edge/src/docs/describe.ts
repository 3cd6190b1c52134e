/** Adds to the OpenAPI document what no route's schema contains: fields' meanings, streams' events, answers' headers. */
import { meanings } from "./meanings.ts";
import type { ApiDocument, Content, Header } from "./page.ts";
import type { Schema } from "./schema.ts";

/** Describes every field and parameter whose own schema has no description. */
export function describeFields(document: ApiDocument): void {
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
    describe(schema, name, name);
  }
  for (const operations of Object.values(document.paths ?? {})) {
    for (const { parameters = [], requestBody, responses } of Object.values(operations)) {
      for (const parameter of parameters) {
        const description = parameter.description ?? parameter.schema?.description;
        const meaning = description ?? meanings[`param ${parameter.name}`];
        if (meaning !== undefined) parameter.description = meaning;
      }
      for (const body of [requestBody, ...Object.values(responses)]) {
        for (const media of Object.values(body?.content ?? {})) describe(media.schema, "", "");
      }
    }
  }
}

/** `path` is the schema's name and the names of the fields down to here. */
function describe(schema: Schema | undefined, path: string, root: string): void {
  if (schema === undefined) return;
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const at = `${path}.${name}`;
    field.description ??= meanings[at] ?? meanings[`${root}.${name}`] ?? meanings[name];
    if (field.description === undefined) delete field.description;
    describe(field, at, root);
  }
  const { items, additionalProperties: others } = schema;
  describe(items, path, root);
  if (typeof others === "object") describe(others, path, root);
  for (const part of [schema.anyOf, schema.oneOf, schema.allOf].flatMap((one) => one ?? [])) {
    describe(part, path, root);
  }
}

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const piece: Schema = { type: "string", description: "What follows the text so far" };
const thought: Schema = {
  type: "string",
  description: "What follows the thoughts before the reply, of a thinking model",
};
const delta: Schema = { type: "object", properties: { text: piece, reasoning: thought } };
const reset: Schema = { type: "object", description: "What was shown so far does not count" };
const replyEvents = {
  turn: ref("Turn"),
  delta,
  reset,
  done: ref("Turn"),
  error: ref("Error"),
};
const learning = { rolled_back: ref("RollBack"), words: ref("Words"), weights: ref("Weights") };

/** Each event's data, by stream; OpenAI describes its own streams. */
const events: Record<string, Record<string, Schema>> = {
  "post /v1/sessions/{s}/turns": replyEvents,
  "post /v1/sessions/{s}/turns/{t}/retry": replyEvents,
  "get /v1/sessions/{s}/turns/{t}/events": {
    ...replyEvents,
    ...learning,
    feedback: ref("FeedbackResult"),
  },
  "post /v1/sessions/{s}/turns/{t}/feedback": {
    ...learning,
    ...replyEvents,
    done: ref("FeedbackResult"),
  },
};
const foreign: Record<string, string> = {
  "post /v1/chat/completions":
    'Each `data` is an OpenAI `chat.completion.chunk`, or `{"error": …}`; the last one is `[DONE]`',
  "post /v1/responses": "OpenAI's response events, each with its `type` and a `sequence_number`",
};

/** Describes a stream's events and their data. */
export function describeEvents(name: string, media: Content[string]): void {
  const of = events[name];
  const numbered =
    of === undefined
      ? foreign[name]
      : `Events with an \`id\` that grows through the session: ${Object.keys(of)
          .map((event) => `\`${event}\``)
          .join(", ")}; their data are in x-events. Comments between them are heartbeats`;
  if (numbered === undefined) throw new Error(`The stream of ${name} is not described`);
  media.schema = { type: "string", description: numbered };
  if (of !== undefined) media["x-events"] = of;
}

const header = (description: string, type = "string"): Header => ({
  description,
  schema: { type },
});
const everyAnswer = {
  "x-request-id": header("Names the request in logs"),
};
const rates = {
  RateLimit: header("Requests left in this window, and seconds to its end"),
  "RateLimit-Policy": header("Requests that a window has, and its length in seconds"),
  "RateLimit-Limit": header("Requests a minute", "integer"),
  "RateLimit-Remaining": header("Requests left in this minute", "integer"),
  "RateLimit-Reset": header("Seconds to the minute's end", "integer"),
};
const retryAfter = {
  "Retry-After": header("Seconds after which trying again can succeed", "integer"),
};
const ofTurn = {
  "x-rosa2-session": header("The session that answers"),
  "x-rosa2-turn": header("The turn"),
};
const generation = header("The generation that answers; `base` is the model without an adapter");
const ofReply = { ...ofTurn, "x-rosa2-generation": generation };
const ofClient = {
  ...ofReply,
  "x-rosa2-history": header(
    "How the messages sent along compare with the history: `matched`, `differs`, or `server` where none were sent",
  ),
};
const own: Record<string, Record<string, Header>> = {
  "post /v1/chat/completions": ofClient,
  "post /v1/responses": ofClient,
  "post /v1/sessions/{s}/turns": ofReply,
  "post /v1/sessions/{s}/turns/{t}/retry": ofTurn,
  "get /v1/sessions/{s}/turns/{t}/events": ofTurn,
  "post /v1/sessions/{s}/turns/{t}/feedback": {
    "x-rosa2-session": ofTurn["x-rosa2-session"],
    "x-rosa2-feedback": header("The feedback"),
  },
};

/** Headers of an answer, by its route and status. */
export function headersOf(name: string, status: number): Record<string, Header> {
  return {
    ...everyAnswer,
    ...(name.includes(" /v1/") && status !== 401 ? rates : {}),
    ...([429, 503].includes(status) ? retryAfter : {}),
    ...(status < 300 ? (own[name] ?? {}) : {}),
  };
}
