/**
 * The handling of each parameter of OpenAI's chat completions. A test compares the lists with the types of the `openai`
 * package, so that no new parameter is missed.
 */
import { RosaError } from "@rosa2/shared/errors";

/**
 * `honoured`: it has its effect. `without effect`: it does not concern the answer (accounting, caching, tracing).
 * `only`: these values ask for the usual behaviour; any other is refused. null means that the parameter is left out.
 */
export type Handling = "honoured" | "without effect" | { only: readonly unknown[]; hint?: string };

const refused: Handling = { only: [] };

/** Parameters of `POST /v1/chat/completions`: first OpenAI's own, then those of other servers. */
export const chatFields = {
  messages: "honoured",
  model: "honoured",
  stream: "honoured",
  stream_options: "honoured",
  temperature: "honoured",
  top_p: "honoured",
  max_tokens: "honoured",
  max_completion_tokens: "honoured",
  stop: "honoured",
  seed: "honoured",
  frequency_penalty: "honoured",
  presence_penalty: "honoured",
  logit_bias: "honoured",
  logprobs: "honoured",
  top_logprobs: "honoured",
  n: { only: [1] },
  response_format: "honoured",
  tools: "honoured",
  tool_choice: "honoured",
  parallel_tool_calls: "honoured",
  functions: { only: [[]], hint: "use tools" },
  function_call: { only: ["none", "auto"], hint: "use tool_choice" },
  reasoning_effort: "honoured",
  modalities: { only: [["text"]] },
  audio: refused,
  moderation: refused,
  verbosity: { only: ["medium"] },
  web_search_options: refused,
  metadata: "without effect",
  prediction: "without effect",
  prompt_cache_key: "without effect",
  prompt_cache_options: "without effect",
  prompt_cache_retention: "without effect",
  safety_identifier: "without effect",
  service_tier: "without effect",
  store: "without effect",
  user: "without effect",

  chat_template_kwargs: "honoured",
  top_k: "honoured",
  min_p: "honoured",
  repetition_penalty: "honoured",
  best_of: { only: [1] },
  min_tokens: { only: [0] },
  ignore_eos: { only: [false] },
  stop_token_ids: { only: [[]] },
  add_generation_prompt: { only: [true] },
  continue_final_message: { only: [false] },
  echo: { only: [false] },
  include_stop_str_in_output: { only: [false] },
  skip_special_tokens: { only: [true] },
  use_beam_search: { only: [false] },
} as const satisfies Record<string, Handling>;

/** Fields of a message, whatever its role. */
export const messageFields = {
  role: "honoured",
  content: "honoured",
  tool_calls: "honoured",
  tool_call_id: "honoured",
  function_call: refused,
  audio: refused,
  refusal: refused,
  name: { only: [], hint: "say who speaks in the content" },
  // Further fields of an answer's message, as clients send it back.
  annotations: "without effect",
  // Templates leave out earlier thoughts.
  reasoning_content: "without effect",
} as const satisfies Record<string, Handling>;

/** Types of content parts that are read. */
export const partTypes = ["text"] as const;

export const streamOptions = {
  include_usage: "honoured",
  include_obfuscation: "without effect",
} as const satisfies Record<string, Handling>;

/**
 * Refuses unsupported parameters that would change the answer, and unknown ones.
 *
 * @throws RosaError `unsupported_parameter`, naming the parameter.
 */
export function refuseUnsupported(
  given: Record<string, unknown>,
  fields: Record<string, Handling>,
  at = "",
): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    const param = `${at}${name}`;
    const handling = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (handling === undefined) throw unsupported(param, `Unknown parameter: ${param}`);
    if (typeof handling === "string") continue;
    const { only, hint } = handling;
    if (only.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value))) continue;
    const what =
      only.length === 0
        ? `${param} is not supported`
        : `Only ${param} = ${only.map((one) => JSON.stringify(one)).join(" or ")} is supported`;
    throw unsupported(param, hint === undefined ? what : `${what}: ${hint}`);
  }
}

export function unsupported(param: string, message: string): RosaError {
  return new RosaError("unsupported_parameter", message, { param });
}
