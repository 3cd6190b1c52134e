/** Examples of the API's streams, for every route that answers with server-sent events. */
import {
  completion,
  feedbackResult,
  generation,
  origin,
  response,
  reworded,
  running,
  second,
  turn,
  usage,
  weights,
  words,
} from "./bodies.ts";

function events(...list: [id: number, event: string, data: unknown][]): string {
  return list
    .map(([id, event, data]) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    .join("");
}

function chunks(...list: object[]): string {
  const head = { ...completion, object: "chat.completion.chunk" };
  const lines = list.map((chunk) => JSON.stringify({ ...head, ...chunk }));
  return [...lines, "[DONE]"].map((data) => `data: ${data}\n\n`).join("");
}

const choice = (delta: object, finish_reason: string | null = null) => [
  { index: 0, delta, logprobs: null, finish_reason },
];
const replyStream = events(
  [1, "turn", running],
  [2, "delta", { text: "7, 12, " }],
  [3, "delta", { text: "31" }],
  [4, "done", turn],
);

/** Server-sent events, by method and path. */
export const streams: Record<string, string> = {
  "post /v1/chat/completions": chunks(
    { choices: choice({ role: "assistant", content: "" }) },
    { choices: choice({ content: "7, 12, 31" }) },
    { choices: choice({}, "stop") },
    { choices: [], usage, rosa2: origin },
  ),
  "post /v1/responses": [
    { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
    { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: turn.reply },
    { type: "response.completed", response },
  ]
    .map(
      (data, i) =>
        `event: ${data.type}\ndata: ${JSON.stringify({ ...data, sequence_number: i })}\n\n`,
    )
    .join(""),
  "post /v1/sessions/{s}/turns": replyStream,
  "post /v1/sessions/{s}/turns/{t}/retry": events(
    [6, "delta", { text: "12, 31" }],
    [7, "done", turn],
  ),
  "get /v1/sessions/{s}/turns/{t}/events": `${replyStream}${events(
    [5, "words", words],
    [6, "weights", weights],
    [7, "feedback", { ...feedbackResult, turn: undefined }],
  )}`,
  "post /v1/sessions/{s}/turns/{t}/feedback": events(
    [5, "words", words],
    [6, "weights", weights],
    [7, "turn", { ...running, ...{ id: second, index: 1, prompt: reworded, generation } }],
    [8, "delta", { text: "31, 12, 7" }],
    [10, "done", feedbackResult],
  ),
};
