/** The API's schemas as types. Written by generate.ts from the routes; do not edit. */

export interface Adaptation {
  mode?: "both" | "words" | "weights" | "off";
  /** What the model sees besides the instructions: the dialogue so far (default), or the rewritten request alone (default where the words adapt and the served checkpoint says so) */
  context?: "request" | "dialogue";
  /** Who proposes wordings: the served model (`gpu`), the deployment's own `openai` or `workers-ai` where it is set up, or nobody (`compose`: the request with the remarks as they were said). The deployment's choice unless given */
  rewriter?: "compose" | "gpu" | "openai" | "workers-ai";
}

export interface ApiKey {
  id: string;
  object: "api_key";
  name: string;
  prefix: string;
  scopes: ("chat" | "adapt" | "mint" | "admin")[];
  /** Requests per minute that the key may make */
  requests_per_minute: 60 | 300 | 1200;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

export interface ApiKeyCreated extends ApiKey {
  /** Shown once */
  key: string;
}

export interface ApiKeyList {
  object: "list";
  data: ApiKey[];
  /** Null on the last page */
  next_cursor: string | null;
}

export interface Budget {
  object: "budget";
  cap_usd: number | null;
  month: string;
  spent_usd: number;
  reserved_usd: number;
}

export interface BudgetPut {
  cap_usd: number | null;
}

export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  created: number;
  model: string;
  choices: {
    index: number;
    message: {
      role: "assistant";
      content: string | null;
      refusal: null;
      reasoning_content?: string;
      tool_calls?: {
        id: string;
        type: "function";
        function: {
          name: string;
          arguments: string;
        };
      }[];
    };
    logprobs?: unknown;
    finish_reason: "stop" | "length" | "tool_calls";
  }[];
  usage: Usage;
  rosa2: {
    session: string | null;
    generation: string;
    cost: Cost;
  };
}

export interface ChatCompletionRequest {
  /** The served model's name, or an alias of the deployment's; any other is refused */
  model: string;
  messages: {
    role: string;
    content?:
      | string
      | {
          type: string;
          text?: string;
          [other: string]: unknown;
        }[]
      | null;
    tool_calls?:
      | {
          id: string;
          type?: string;
          function?: {
            name: string;
            arguments: string;
            [other: string]: unknown;
          };
          [other: string]: unknown;
        }[]
      | null;
    tool_call_id?: string | null;
    [other: string]: unknown;
  }[];
  stream?: boolean | null;
  stream_options?: {
    include_usage?: boolean | null;
    [other: string]: unknown;
  } | null;
  /** 0 always takes the likeliest token; higher draws more widely. The model's own unless given */
  temperature?: number | null;
  /** Share of the probability that tokens are drawn from; 0 keeps the likeliest token alone, 1 all */
  top_p?: number | null;
  /** How many of the likeliest tokens are drawn from; 0 and -1 keep every token */
  top_k?: number | null;
  /** Tokens less likely than this share of the likeliest one's probability are left out */
  min_p?: number | null;
  /** Above 1 tokens of the prompt and the reply so far become less likely; 1 changes nothing */
  repetition_penalty?: number | null;
  /** Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window */
  max_tokens?: number | null;
  /** Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window */
  max_completion_tokens?: number | null;
  n?: number | null;
  stop?: string | string[] | null;
  /** The same seed, prompt and parameters draw the same reply from the same model */
  seed?: number | null;
  /** Taken off a token's logit for each time that the reply has it; negative adds */
  frequency_penalty?: number | null;
  /** Taken off the logit of every token that the reply has; negative adds */
  presence_penalty?: number | null;
  /** Added to the logits of token ids, -100 to 100; -100 forbids a token in practice */
  logit_bias?: Record<string, number> | null;
  logprobs?: boolean | null;
  top_logprobs?: number | null;
  response_format?:
    | {
        type: "text";
        [other: string]: unknown;
      }
    | {
        type: "json_object";
        [other: string]: unknown;
      }
    | {
        type: "json_schema";
        json_schema: {
          name: string;
          schema?: Record<string, unknown> | null;
          [other: string]: unknown;
        };
        [other: string]: unknown;
      }
    | null;
  tools?:
    | {
        type: string;
        function?: {
          name: string;
          description?: string | null;
          parameters?: Record<string, unknown> | null;
          [other: string]: unknown;
        };
        [other: string]: unknown;
      }[]
    | null;
  tool_choice?:
    | "none"
    | "auto"
    | "required"
    | {
        type: string;
        function?: {
          name: string;
          [other: string]: unknown;
        };
        allowed_tools?: {
          mode: "auto" | "required";
          tools: {
            function?: {
              name: string;
              [other: string]: unknown;
            };
            [other: string]: unknown;
          }[];
          [other: string]: unknown;
        };
        [other: string]: unknown;
      }
    | null;
  parallel_tool_calls?: boolean | null;
  reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | null;
  chat_template_kwargs?: {
    enable_thinking?: boolean | null;
  } | null;
  metadata?: Record<string, unknown> | null;
  [other: string]: unknown;
}

export interface ClientToken {
  object: "client_token";
  /** To be sent as `Authorization: Bearer …` */
  token: string;
  /** Your own name for one of your users */
  owner: string;
  session: string | null;
  scopes: ("chat" | "adapt")[];
  expires_at: string;
}

export interface ClientTokenBatch {
  tokens: ClientTokenCreate[];
}

export interface ClientTokenCreate {
  /** Your own name for one of your users */
  owner: string;
  /** The one session that the token is for. It then opens no other and lists none */
  session?: string;
  scopes?: ("chat" | "adapt")[];
  ttl_seconds?: number;
  /** Most that the owner may cost in a calendar month (UTC), over all its sessions and tokens. Without it the tenant's own cap alone holds */
  cap_usd?: number;
  /** Requests per minute of the owner, over all its tokens */
  requests_per_minute?: 60 | 300 | 1200;
}

export interface ClientTokenList {
  object: "list";
  data: ClientToken[];
}

export interface ClientTokensRevoked {
  object: "client_tokens.revoked";
  /** Your own name for one of your users */
  owner: string;
  /** Tokens issued before are no longer taken */
  revoked_at: string;
}

export interface ConstraintPatch {
  text?: string;
  scope?: "session" | "turn";
}

export interface Cost {
  /** US dollars */
  usd: number;
}

export interface Erasure {
  status: "running" | "done";
  requested_at: string;
  finished_at: string | null;
  erased: {
    sessions: number;
    turns: number;
    generations: number;
    events: number;
    adapters: number;
    /** Revoked at once, their names deleted */
    keys: number;
  };
  /** What remains, and why */
  kept: string;
}

export interface ErrorBody {
  error: {
    type: string;
    code: string;
    message: string;
    param?: string;
    request_id?: string;
  };
}

export interface Feedback {
  reward: number;
  text?: string;
  correction?: string;
  retry?: boolean;
  /** Wait for the weights step. Defaults to `retry`; otherwise the step runs while the user reads and the decision is `queued` */
  wait?: boolean;
  stream?: boolean;
}

export interface FeedbackRecord {
  id: string;
  turn_id: string;
  status: "pending" | "done";
  reward: number;
  text: string | null;
  correction: string | null;
  words: Words | null;
  weights: Weights | null;
  plan: Record<string, unknown> | null;
  cost: Cost;
  retry_turn_id: string | null;
  created_at: string;
}

export interface FeedbackResult {
  id: string;
  object: "feedback";
  turn_id: string;
  status: "pending" | "done";
  words: Words;
  weights: Weights;
  /** What the schedule decided, and the recipe sent to the GPU service */
  plan: Record<string, unknown> | null;
  turn?: Turn;
  cost: Cost;
}

export interface Fork {
  /** Fork right after this turn's reply: its generation, the words as they then were. Without it, the session as it is now */
  turn_id?: string;
  title?: string;
}

export interface Generation {
  id: string;
  object: "generation";
  index: number;
  /** `base` or a generation's id */
  parent: string;
  active: boolean;
  digest: string;
  bytes: number;
  feedback_id: string | null;
  plan: {
    beta?: number;
    lambda?: number;
    rho?: number;
    iterations?: number;
    token_settled?: number;
    token_target?: number;
    token_clip?: number;
    clip?: number;
    clip_total?: number;
    rejected_clip?: number;
    gate?: number;
    kl_max?: number;
    kl_base_max?: number;
    rank?: number;
    anchors?: boolean;
  };
  step_norm: number;
  shift_norm: number;
  /** Mean KL(new ‖ this update's start) in nats a token, measured on the model's own samples and the session's accepted replies */
  kl: number;
  kl_on: "tokens";
  /** Mean KL(new ‖ base model) in nats a token, measured on the model's own samples */
  kl_base: number;
  /** Mean over the examples of reward times confidence (geometric mean of the reply's token probabilities), minus β times `kl`, at this update's start and after it. It can fall */
  objective: {
    before: number;
    after: number;
  };
  /** What each example was asked to gain in log-prob, was predicted to, and did (nats) */
  rows: {
    kind: "accepted" | "corrected" | "rejected" | "held";
    logprob_before: number;
    logprob_after: number;
    target_shift: number;
    predicted_shift: number;
    realised_shift: number;
    reply_tokens: number;
    owed_tokens: number;
  }[];
  created_at: string;
}

export interface GenerationList {
  object: "list";
  /** `base` or a generation's id */
  active: string;
  data: Generation[];
  /** Null on the last page */
  next_cursor: string | null;
}

export interface Health {
  status: "ok" | "degraded";
  gpu: {
    /** `unreachable` gives no answer now; `absent` where a hosted model gives replies and no GPU service is set up */
    status: "ok" | "loading" | "draining" | "unreachable" | "absent";
    model: string | null;
    provider: string | null;
    queue: {
      waiting: number;
      running: number;
    } | null;
  };
  /** What gives replies, where that is not the GPU service itself */
  inference: {
    /** `unreachable` gives no answer now; `absent` where a hosted model gives replies and no GPU service is set up */
    status: "ok" | "loading" | "draining" | "unreachable" | "absent";
    model: string | null;
    provider: string | null;
    queue: {
      waiting: number;
      running: number;
    } | null;
  } | null;
  /** The GPU services by region, the one nearest to this caller first. `gpu` tells of the first that is reached */
  pools: {
    region: "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me" | null;
    /** `unreachable` gives no answer now; `absent` where a hosted model gives replies and no GPU service is set up */
    status: "ok" | "loading" | "draining" | "unreachable" | "absent";
  }[];
}

export interface KeyCreate {
  name: string;
  scopes?: ("chat" | "adapt" | "mint" | "admin")[];
  expires_in_seconds?: number;
  /** Requests per minute that the key may make */
  requests_per_minute?: 60 | 300 | 1200;
}

export interface Lexicon {
  /** Wordings with several readings, of your own domain. `*` in spans, hints and cues stands for any one word */
  senses: {
    id: string;
    label: string;
    spans: string[];
    hints?: string[];
    attach?: "after" | "end";
    shy?: boolean;
    readings: {
      id: string;
      phrase: string;
      cues?: string[];
      prior?: number;
    }[];
  }[];
}

export interface Model {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
  context_length: number;
}

export interface ModelList {
  object: "list";
  data: Model[];
}

export interface Reach {
  object: "reach";
  turn_id: string;
  /** `settled`: the model would say it already; `one_update` and `several_updates`: so far it is, by what one update may move at most; `too_long`: with the request it exceeds the window; `unwritable`: the tokenizer cannot write it; `fixed_weights`: the weights of this session do not change */
  verdict:
    | "settled"
    | "one_update"
    | "several_updates"
    | "too_long"
    | "unwritable"
    | "fixed_weights";
  /** The verdict as one sentence for people */
  reason: string;
  /** Updates that it takes at least; the bounds on KL may ask for more. Null where the weights cannot learn it, or that is not known */
  updates_min: number | null;
  /** Summed log-prob of the correction and its end token, under the wording and the generation that answer now (nats); null where it was not measured */
  logprob: number | null;
  /** Tokens of the correction, its end token included */
  tokens: number | null;
  /** Tokens of the prompt and the correction together */
  total_tokens: number | null;
  /** Tokens that the window holds */
  context_length: number | null;
  /** What the correction lacks of being likely, token by token; 0 is settled (nats) */
  owed_nats: number | null;
  /** The most that one update raises one reply by (nats) */
  owed_nats_max: number | null;
  /** Characters without a token of their own, which are spelled in bytes */
  in_bytes: string[];
  /** Characters or words that the tokenizer has no way to write */
  unwritable: string[];
}

export interface ReachQuestion {
  correction: string;
}

export interface Response {
  /** What the next request names as previous_response_id */
  id: string;
  object: "response";
  /** Unix seconds */
  created_at: number;
  status: "completed" | "incomplete";
  /** The model that answered */
  model: string;
  /** A thought, what is said, and the functions that are called, as far as there are */
  output: {
    id: string;
    type: string;
    [other: string]: unknown;
  }[];
  usage: {
    input_tokens: number;
    output_tokens: number;
    total_tokens: number;
    [other: string]: unknown;
  };
  [other: string]: unknown;
}

export interface ResponseRequest {
  /** The served model's name, or an alias of the deployment's; any other is refused */
  model: string;
  /** The request, or the items of a conversation that ends with it or with functions' results */
  input:
    | string
    | {
        type?: string;
        role?: string;
        content?:
          | string
          | {
              type: string;
              text?: string;
              [other: string]: unknown;
            }[]
          | null;
        id?: string | null;
        call_id?: string;
        name?: string;
        arguments?: string;
        output?:
          | string
          | {
              type: string;
              text?: string;
              [other: string]: unknown;
            }[];
        [other: string]: unknown;
      }[];
  /** What every reply is to follow */
  instructions?: string | null;
  /** The stored response that this one follows; it must be its session's latest turn */
  previous_response_id?: string | null;
  /** Whether the response becomes a turn of a session (default), or leaves nothing behind */
  store?: boolean | null;
  /** Answers with server-sent events */
  stream?: boolean | null;
  /** Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window */
  max_output_tokens?: number | null;
  /** 0 always takes the likeliest token; higher draws more widely. The model's own unless given */
  temperature?: number | null;
  /** Share of the probability that tokens are drawn from; 0 keeps the likeliest token alone, 1 all */
  top_p?: number | null;
  text?: {
    /** The reply's shape: text, json_object or json_schema */
    format?: {
      type: string;
      schema?: Record<string, unknown> | null;
      [other: string]: unknown;
    } | null;
    verbosity?: string | null;
    [other: string]: unknown;
  } | null;
  tools?:
    | {
        type: string;
        name?: string;
        description?: string | null;
        parameters?: Record<string, unknown> | null;
        [other: string]: unknown;
      }[]
    | null;
  tool_choice?:
    | "none"
    | "auto"
    | "required"
    | {
        type: string;
        name?: string;
        mode?: "auto" | "required";
        tools?: {
          name?: string;
          [other: string]: unknown;
        }[];
        [other: string]: unknown;
      }
    | null;
  parallel_tool_calls?: boolean | null;
  reasoning?: {
    effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | null;
    [other: string]: unknown;
  } | null;
  [other: string]: unknown;
}

export interface Session extends SessionSummary {
  instructions: string | null;
  /** As it was given, or where the call came from; null where nobody knew */
  region: "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me" | null;
  context: "request" | "dialogue";
  rewriter: "compose" | "gpu" | "openai" | "workers-ai";
  forked_from: string | null;
  expires_at: string | null;
  /** The latest turns, or those before `cursor`, oldest first */
  turns: Turn[];
  /** Feedback on these turns */
  feedback: FeedbackRecord[];
  /** With it as `cursor` the turns before these are read; null where there are none */
  next_cursor: string | null;
  totals: {
    turns: number;
    feedback: number;
    generations: number;
    /** Tokens read for replies and for drawing wordings, as they are billed */
    prompt_tokens: number;
    /** Tokens written as replies and as drawn wordings, as they are billed */
    completion_tokens: number;
    cost: Cost;
  };
}

export interface SessionCreate {
  instructions?: string;
  title?: string;
  /** Your own pairs of key and value */
  metadata?: Record<string, string>;
  /** Where the session's user is, if not where this call comes from: a hint, by which the platform places the session and the nearest GPU service answers */
  region?: "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";
  adaptation?: Adaptation;
  lexicon?: Lexicon;
  /** The session erases itself this long after it was made */
  ttl_seconds?: number;
}

export interface SessionErased {
  id: string;
  object: "session.erased";
  erased: {
    turns: number;
    generations: number;
    events: number;
    adapters: number;
  };
  kept: string;
}

export interface SessionList {
  object: "list";
  data: SessionSummary[];
  /** Null on the last page */
  next_cursor: string | null;
}

export interface SessionPatch {
  title?: string | null;
  /** Your own pairs of key and value */
  metadata?: Record<string, string>;
}

export interface SessionSummary {
  id: string;
  object: "session";
  /** Your own name for one of your users */
  owner: string | null;
  title: string | null;
  /** Your own pairs of key and value */
  metadata: Record<string, string>;
  mode: "both" | "words" | "weights" | "off";
  /** `base` or a generation's id */
  generation: string;
  turn_count: number;
  created_at: string;
  updated_at: string;
}

export interface SigningKey {
  /** To be named as `kid` in the header of the tokens that you sign */
  id: string;
  object: "signing_key";
  name: string;
  algorithm: "EdDSA" | "ES256";
  created_at: string;
  revoked_at: string | null;
}

export interface SigningKeyCreate {
  name: string;
  /** The public half of an Ed25519 or P-256 key, as a JWK */
  public_key: {
    kty: "OKP" | "EC";
    crv: "Ed25519" | "P-256";
    x: string;
    /** For P-256 */
    y?: string;
    kid?: string;
    alg?: string;
    use?: string;
  };
}

export interface SigningKeyList {
  object: "list";
  data: SigningKey[];
  /** Null on the last page */
  next_cursor: string | null;
}

export interface Tenant {
  id: string;
  object: "tenant";
  name: string;
  sessions: number;
  /** Bytes of the adapter files that the sessions hold; a fork counts what it shares */
  adapter_bytes: number;
  created_at: string;
  /** The latest erasure of everything, while it runs and after */
  erasure: Erasure | null;
}

export interface Turn {
  id: string;
  object: "turn";
  session_id: string;
  index: number;
  status: "running" | "completed" | "stopped" | "failed";
  /** The request as said */
  content: string;
  /** The request as the model saw it */
  prompt: string;
  reply: string;
  finish_reason: "stop" | "length" | "stopped" | null;
  /** The reply is a near copy of a long reply that was rejected: a few warmer draws gave nothing else */
  repeats_rejected: boolean;
  /** `base` or a generation's id */
  generation: string;
  retry_of: string | null;
  attempt: number;
  /** exp(S/T) of the reply, 0…1: the geometric mean of its T tokens' probabilities */
  confidence: number | null;
  usage: Usage | null;
  cost: Cost;
  error: {
    code: string;
    message: string;
  } | null;
  created_at: string;
}

export interface TurnCreate {
  content: string;
  stream?: boolean;
  /** 0 always takes the likeliest token; higher draws more widely. The model's own unless given */
  temperature?: number;
  /** Share of the probability that tokens are drawn from; 0 keeps the likeliest token alone, 1 all */
  top_p?: number;
  /** How many of the likeliest tokens are drawn from; 0 and -1 keep every token */
  top_k?: number;
  /** Tokens less likely than this share of the likeliest one's probability are left out */
  min_p?: number;
  /** Above 1 tokens of the prompt and the reply so far become less likely; 1 changes nothing */
  repetition_penalty?: number;
  /** Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window */
  max_tokens?: number;
  /** Texts at which the reply ends; they are no part of it */
  stop?: string[];
  /** The same seed, prompt and parameters draw the same reply from the same model */
  seed?: number;
  /** Added to the logits of token ids, -100 to 100; -100 forbids a token in practice */
  logit_bias?: Record<string, number>;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: {
    cached_tokens: number;
  };
}

export interface UsageReport {
  object: "list";
  group_by: "day" | "session" | "key" | "owner";
  data: {
    group: string | null;
    prompt_tokens: number;
    cached_tokens: number;
    completion_tokens: number;
    replies: number;
    adaptations_accepted: number;
    adaptations_rejected: number;
    rewriter_calls: number;
    gpu_ms: number;
    cost: Cost;
  }[];
  /** Null on the last page */
  next_cursor: string | null;
}

export interface Weights {
  decision: "updated" | "skipped" | "rejected" | "queued";
  reason: string;
  generation?: string;
  /** Whether the new generation answers from now on (compare-and-set succeeded) */
  active: boolean;
  /** Frobenius norm of this update's change of the adapter */
  step_norm: number | null;
  /** Frobenius norm of the adapter after this update: its distance from the base model */
  shift_norm: number | null;
  /** Mean KL(new ‖ this update's start) in nats a token, measured on the model's own samples and the session's accepted replies */
  kl: number | null;
  /** What the KL is of: next-token distributions, per token */
  kl_on: "tokens" | null;
  /** Mean KL(new ‖ base model) in nats a token, measured on the model's own samples */
  kl_base: number | null;
  /** Summed log-prob of the right reply and its end token before and after this update (nats), over so many tokens */
  right_reply: {
    logprob_before: number;
    logprob_after: number;
    tokens: number;
  } | null;
  /** Mean over the examples of reward times confidence (geometric mean of the reply's token probabilities), minus β times `kl`, at this update's start and after it. It can fall */
  objective: {
    before: number;
    after: number;
  } | null;
  ms: number | null;
}

export interface Words {
  changed: boolean;
  before: string;
  after: string;
  diagnosis: string;
  confidence: number;
  /** The feedback named what was misunderstood */
  hinted: boolean;
  /** Belief, before this feedback, in the reading that was answered */
  share: number;
  /** The model that was asked for wordings; null where what the session holds explained the feedback, or none is set up. Tokens of the served model are billed as a reply's, whichever wording wins; weighing is not billed */
  rewriter: {
    name: string;
    adopted: boolean;
    failure: string | null;
    calls: number;
    /** Wordings that it proposed */
    drawn: number;
    /** Those that passed the checks; only they were weighed */
    kept: number;
    prompt_tokens: number;
    completion_tokens: number;
  } | null;
  /** Who proposed the wording that goes out: `said`, `composed` (request and remarks), `senses` (own ones), `session` (learnt earlier in it), or the rewriter's name */
  by: string;
  /** Why that wording goes out */
  reason: string;
  /** The likeliest wordings that were weighed */
  candidates: {
    wording: string;
    by: string;
    /** Belief in it before this feedback */
    prior: number;
    /** Belief in it now */
    share: number;
    /** Log-prob of the rejected reply under it (nats) */
    rejected: number | null;
    /** Log-prob of the accepted reply or correction under it (nats) */
    right: number | null;
  }[];
  constraints: string[];
  ruled_out: string[];
  spans: {
    label: string;
    text: string;
    start: number;
    end: number;
    phrase: string | null;
    said: boolean;
    probability: number;
  }[];
}

export interface WordsState {
  object: "words";
  constraints: {
    id: string;
    topic: string;
    text: string;
    scope: "session" | "turn";
    turn_id: string;
  }[];
  senses: {
    id: string;
    /** Belief in each reading; sums to 1 */
    readings: Record<string, number>;
    failures: number;
  }[];
  /** Revisions that can be taken back */
  undoable: number;
}

/** What an error answer's `code` can be. */
export type ErrorCode =
  | "invalid_json"
  | "invalid_request"
  | "context_length_exceeded"
  | "unsupported_parameter"
  | "adapter_invalid"
  | "checkpoint_unsupported"
  | "checkpoint_invalid"
  | "missing_key"
  | "invalid_key"
  | "budget_exceeded"
  | "insufficient_scope"
  | "not_found"
  | "model_not_found"
  | "method_not_allowed"
  | "conflict"
  | "session_full"
  | "adapter_missing"
  | "payload_too_large"
  | "unsupported_media_type"
  | "idempotency_mismatch"
  | "rate_limited"
  | "queue_full"
  | "internal_error"
  | "gpu_unavailable"
  | "gpu_cold"
  | "shutting_down"
  | "timeout";

/** The coarse classes of errors. */
export type ErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "billing_error"
  | "permission_error"
  | "not_found_error"
  | "conflict_error"
  | "rate_limit_error"
  | "api_error";
