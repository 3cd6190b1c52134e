/** The API as types. Written by generator/generate.ts from the routes; do not edit. */

export interface paths {
  "/health": {
    /** Liveness of the edge and state of the GPU service */
    get: operations["getHealth"];
  };
  "/v1/models": {
    /** Models that chat completions can use */
    get: operations["getModels"];
  };
  "/v1/models/{model}": {
    /** Read a model */
    get: operations["getModel"];
  };
  "/v1/chat/completions": {
    /**
     * OpenAI-compatible chat completion
     * @description Without a session: the base model, no state. With the header `x-rosa2-session`: the last user message becomes the session's next turn, answered with the server's history, the session's words and its active generation; the reply's `id` is the turn's. A system message becomes the instructions of a session that has none and no turn yet; later it must be the same. Earlier messages are compared with the history and never replace it: the answer's header `x-rosa2-history` says `matched`, `differs`, or `server` where none were sent. `x-rosa2-session: none` says that a request belongs to no session: for a chat client's side requests (titles, tags), where its other requests carry the header.
     */
    post: operations["postChatCompletions"];
  };
  "/v1/responses": {
    /**
     * OpenAI-compatible response
     * @description A response is a turn of a session: of a new one that erases itself after 30 days, or, with `previous_response_id` or references to its items, the next turn of the session that holds it (header `x-rosa2-session`), so that feedback can be given and the session adapts. Messages sent along with the first become its history. With `store: false` nothing is kept, and the base model answers what the request holds.
     */
    post: operations["postResponses"];
  };
  "/v1/sessions": {
    /** List sessions, newest first */
    get: operations["getSessions"];
    /** Open a session */
    post: operations["postSessions"];
  };
  "/v1/sessions/{s}": {
    /** Read a session: turns, words before and after, active generation, totals */
    get: operations["getSession"];
    /** Erase a session: turns, words, events, adapters */
    delete: operations["deleteSession"];
    /** Rename a session, or change its metadata */
    patch: operations["patchSession"];
  };
  "/v1/sessions/{s}/fork": {
    /** Branch a session, now or at an earlier turn */
    post: operations["postSessionFork"];
  };
  "/v1/sessions/{s}/turns": {
    /**
     * Send a request and get the session's reply
     * @description With `stream`, events `turn`, `delta`…, then `done` or `error`. `reset` (rare: the reply was interrupted and came out differently) empties the text shown so far. While the GPU service starts a stream waits, with heartbeats; otherwise the answer is 503 `gpu_cold` with `Retry-After`. When the GPU service cannot be reached the turn is kept (header `x-rosa2-turn`): POST …/turns/{t}/retry, or the same request with the same Idempotency-Key, runs it again.
     */
    post: operations["postSessionTurns"];
  };
  "/v1/sessions/{s}/turns/{t}": {
    /** Read a turn */
    get: operations["getSessionTurn"];
  };
  "/v1/sessions/{s}/turns/{t}/retry": {
    /** Run a failed turn again, under the same id */
    post: operations["postSessionTurnRetry"];
  };
  "/v1/sessions/{s}/turns/{t}/stop": {
    /** End a reply where it is; the partial reply is kept */
    post: operations["postSessionTurnStop"];
  };
  "/v1/sessions/{s}/turns/{t}/events": {
    /**
     * Follow a turn: replay after Last-Event-ID, then live
     * @description Events of the reply (`turn`, `delta`, `reset`, `done`, `error`) and of feedback on it (`words`, `weights`, `feedback`). The stream ends when nothing more can come.
     */
    get: operations["getSessionTurnEvents"];
  };
  "/v1/sessions/{s}/turns/{t}/reach": {
    /**
     * Ask whether a correction can be learned, before it is given
     * @description Changes nothing and costs nothing. The correction is measured under the active wording and generation. `updates_min` is the least number of updates under this wording: the bounds on KL may stop an update earlier, and a better wording may bring the correction nearer.
     */
    post: operations["postSessionTurnReach"];
  };
  "/v1/sessions/{s}/turns/{t}/feedback": {
    /**
     * Say how good a reply was; words first, then weights, then another try
     * @description With `stream`, events `words`, `weights`, `turn`, `delta`…, `done`. Equal feedback on the same turn is the same feedback: it returns the stored result, or continues after an interruption. When the GPU service cannot be reached the feedback is kept (header `x-rosa2-feedback`) and processed in the background until it succeeds. Where another model rewrites, the answer has the words meanwhile: `status` is `pending`, `weights.decision` is `queued`, and the new turn follows.
     */
    post: operations["postSessionTurnFeedback"];
  };
  "/v1/sessions/{s}/words": {
    /** Read what the session has learnt about words */
    get: operations["getSessionWords"];
  };
  "/v1/sessions/{s}/words/undo": {
    /** Take the latest revision of the words back, with what was learnt from it */
    post: operations["postSessionWordsUndo"];
  };
  "/v1/sessions/{s}/words/constraints/{c}": {
    /** Withdraw a constraint */
    delete: operations["deleteSessionWordsConstraint"];
    /** Change the text or the scope of a constraint */
    patch: operations["patchSessionWordsConstraint"];
  };
  "/v1/sessions/{s}/words/senses/{w}": {
    /** Forget what was learnt about an ambiguous wording */
    delete: operations["deleteSessionWordsSense"];
  };
  "/v1/sessions/{s}/words/lexicon": {
    /** Read the session's own senses */
    get: operations["getSessionWordsLexicon"];
    /**
     * Set the session's own senses
     * @description What was learnt about a sense whose readings change is forgotten, and older revisions can no longer be taken back then.
     */
    put: operations["putSessionWordsLexicon"];
  };
  "/v1/sessions/{s}/generations": {
    /** List a session's generations, oldest first */
    get: operations["getSessionGenerations"];
  };
  "/v1/sessions/{s}/generations/{g}/activate": {
    /** Let a generation, or `base`, answer from now on */
    post: operations["postSessionGenerationActivate"];
  };
  "/v1/sessions/{s}/generations/{g}/adapter": {
    /**
     * Download a generation's adapter
     * @description `peft`: one archive with adapter_config.json and adapter_model.safetensors, for PEFT and vLLM. `rosa2`: the file as it is stored (B matrices and the seed of A).
     */
    get: operations["getSessionGenerationAdapter"];
  };
  "/v1/keys": {
    /** List API keys */
    get: operations["getKeys"];
    /**
     * Make an API key; it is shown once
     * @description A call repeated with the same Idempotency-Key makes no second key; its answer leaves `key` out, because keys are not stored.
     */
    post: operations["postKeys"];
  };
  "/v1/keys/{k}": {
    /** Revoke an API key; it stops working within a minute */
    delete: operations["deleteKey"];
  };
  "/v1/usage": {
    /** Tokens, adaptations and cost by day, session or key; what adaptation changes */
    get: operations["getUsage"];
  };
  "/v1/budget": {
    /** This month's cap, spend and reservations */
    get: operations["getBudget"];
    /**
     * Set or lift the monthly spend cap
     * @description A cap holds at once. Where there was none before, there are two exceptions. If more than 512 sessions are open, each older one that rests may make one more call, from which it learns of the cap. Stateless calls in other regions may go on until the first of them ends, for ten seconds at most.
     */
    put: operations["putBudget"];
  };
  "/v1/client_tokens": {
    /**
     * Make a token for one owner's phone or browser
     * @description The token opens, lists, reads, changes and erases the sessions of its owner and nobody else's. It is verified by its signature, without a look-up.
     */
    post: operations["postClientTokens"];
    /**
     * Revoke all tokens of an owner; they stop working within a minute
     * @description Tokens that are made afterwards work. The owner's sessions stay.
     */
    delete: operations["deleteClientTokens"];
  };
  "/v1/client_tokens/batch": {
    /** Make up to 100 tokens in one call */
    post: operations["postClientTokensBatch"];
  };
  "/v1/signing_keys": {
    /** List registered public keys */
    get: operations["getSigningKeys"];
    /**
     * Register a public key, so that your own back end signs tokens
     * @description A token of your own is a JWT with the header `{"alg": "EdDSA" or "ES256", "kid": the key's id}` and the claims `sub` (the owner), `aud` ("rosa2"), `iat`, `exp` (at most a day later) and, where wanted, `scope` ("chat adapt"), `session`, `cap_usd`, `requests_per_minute`.
     */
    post: operations["postSigningKeys"];
  };
  "/v1/signing_keys/{k}": {
    /** Revoke a registered key, and with it every token that it signed */
    delete: operations["deleteSigningKey"];
  };
  "/v1/tenant": {
    /** Read the tenant: sessions, and how far an erasure has come */
    get: operations["getTenant"];
    /**
     * Erase everything: sessions, adapters, saved answers, all other keys
     * @description Other keys stop working at once (within a minute everywhere), no session can be opened any more, and sessions are erased in the background; GET /v1/tenant tells when that is done. The account stays, empty, with the key that asked: revoke it to close the account for good.
     */
    delete: operations["deleteTenant"];
  };
  "/v1/tenant/lexicon": {
    /** Read the senses that new sessions start with */
    get: operations["getTenantLexicon"];
    /** Set the senses that new sessions start with */
    put: operations["putTenantLexicon"];
  };
  "/v1/tenant/adaptation": {
    /** Read what the tenant wants of adaptation: holdout and roll-back */
    get: operations["getTenantAdaptation"];
    /**
     * Set the holdout and the automatic roll-back of new sessions
     * @description Sessions that are open keep what they began with. A held-out session works as one in the mode `off`, with the dialogue in view; `GET /v1/usage` compares both kinds. A share that changes begins a new comparison.
     */
    put: operations["putTenantAdaptation"];
  };
  "/v1/webhooks": {
    /** List webhooks, and what waits for each */
    get: operations["getWebhooks"];
    /**
     * Register a webhook; its secret is shown once
     * @description Messages have the form of Standard Webhooks: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` (v1, HMAC-SHA256), and a body of `type`, `timestamp` and `data`, without any text of a conversation. One that is not answered with 2xx within ten seconds is posted again with growing pauses, thirteen times in two days, under the same `webhook-id`: it may come twice. Redirects are not followed.
     */
    post: operations["postWebhooks"];
  };
  "/v1/webhooks/{h}": {
    /** Delete a webhook, and what waits for it */
    delete: operations["deleteWebhook"];
  };
  "/v1/webhooks/{h}/rotate": {
    /** Give a webhook a new secret, which is shown once; the old one signs as well for a day */
    post: operations["postWebhookRotate"];
  };
  "/v1/webhooks/{h}/test": {
    /** Post a message of the type `webhook.test`; a disabled webhook is enabled again */
    post: operations["postWebhookTest"];
  };
}
export interface webhooks {
  "adaptation.updated": {
    /**
     * An update landed: a session has a new generation
     * @description An update landed: a session has a new generation.
     */
    post: operations["onAdaptationUpdated"];
  };
  "adaptation.rolled_back": {
    /**
     * Rejections brought back an earlier generation of a session
     * @description Rejections brought back an earlier generation of a session.
     */
    post: operations["onAdaptationRolledBack"];
  };
  "budget.near": {
    /**
     * 80 % of the month's cap is spent; told once a month and cap
     * @description 80 % of the month's cap is spent; told once a month and cap.
     */
    post: operations["onBudgetNear"];
  };
}
export interface components {
  schemas: {
    AdaptationUpdated: {
      /**
       * @description Its kind
       * @enum {string}
       */
      type: "adaptation.updated";
      /**
       * Format: date-time
       * @description When it happened (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      timestamp: string;
      /** @description What happened */
      data: {
        /** @description The session */
        session: string;
        /**
         * @description Your own name for one of your users
         * @example user_4711
         */
        owner: string | null;
        /** @description The feedback that led to it */
        feedback_id: string;
        /**
         * @description The turn
         * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
         */
        turn_id: string;
        /** @description The generation, by its id; `base` is the model without an adapter */
        generation?: string;
        /** @description Whether the new generation answers from now on (compare-and-set succeeded) */
        active: boolean;
        /** @description Frobenius norm of this update's change of the adapter */
        step_norm: number | null;
        /** @description Frobenius norm of the adapter after this update: its distance from the base model */
        shift_norm: number | null;
        /** @description Mean KL(new ‖ this update's start) in nats a token, measured on the model's own samples and the session's accepted replies */
        kl: number | null;
        /** @description Mean KL(new ‖ base model) in nats a token, measured on the model's own samples */
        kl_base: number | null;
        /**
         * @description `base` or a generation's id
         * @example base
         */
        parent: string;
      };
    };
    AdaptationRolledBack: {
      /**
       * @description Its kind
       * @enum {string}
       */
      type: "adaptation.rolled_back";
      /**
       * Format: date-time
       * @description When it happened (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      timestamp: string;
      /** @description What happened */
      data: {
        /** @description The session */
        session: string;
        /**
         * @description Your own name for one of your users
         * @example user_4711
         */
        owner: string | null;
        /** @description The feedback that led to it */
        feedback_id: string;
        /**
         * @description The turn
         * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
         */
        turn_id: string;
        /** @description The generation that answered until then */
        from: string;
        /** @description The generation that answers again; `base` or an id */
        to: string;
        /** @description Replies of the generations taken back that were rejected */
        rejections: number;
      };
    };
    BudgetNear: {
      /**
       * @description Its kind
       * @enum {string}
       */
      type: "budget.near";
      /**
       * Format: date-time
       * @description When it happened (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      timestamp: string;
      /** @description What happened */
      data: {
        /** @description The calendar month (UTC) */
        month: string;
        /** @description Spent this month, in US dollars */
        spent_usd: number;
        /** @description The month's cap, in US dollars */
        cap_usd: number;
        /** @description Share of the cap from which on this is sent */
        share: number;
      };
    };
    Health: {
      /**
       * @description Whether replies and updates are available now
       * @enum {string}
       */
      status: "ok" | "degraded";
      /** @description The GPU service, which computes updates */
      gpu: {
        /**
         * @description `unreachable` gives no answer now; `absent` where a hosted model gives replies and no GPU service is set up
         * @enum {string}
         */
        status: "ok" | "loading" | "draining" | "unreachable" | "absent";
        /** @description Name of the model that gives replies */
        model: string | null;
        /** @description The execution provider of the GPU service, or the interface of the hosted model */
        provider: string | null;
        /** @description Requests at the service; null: unknown */
        queue: {
          /** @description Requests that wait */
          waiting: number;
          /** @description Requests being answered */
          running: number;
        } | null;
      };
      /** @description What gives replies, where that is not the GPU service itself */
      inference: {
        /**
         * @description `unreachable` gives no answer now; `absent` where a hosted model gives replies and no GPU service is set up
         * @enum {string}
         */
        status: "ok" | "loading" | "draining" | "unreachable" | "absent";
        /** @description Name of the model that gives replies */
        model: string | null;
        /** @description The execution provider of the GPU service, or the interface of the hosted model */
        provider: string | null;
        /** @description Requests at the service; null: unknown */
        queue: {
          /** @description Requests that wait */
          waiting: number;
          /** @description Requests being answered */
          running: number;
        } | null;
      } | null;
      /** @description The GPU services by region, the one nearest to this caller first. `gpu` tells of the first that is reached */
      pools: {
        /**
         * @description Its region; null: unknown
         * @enum {string|null}
         */
        region: "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me" | null;
        /**
         * @description `unreachable` gives no answer now; `absent` where a hosted model gives replies and no GPU service is set up
         * @enum {string}
         */
        status: "ok" | "loading" | "draining" | "unreachable" | "absent";
      }[];
    };
    ModelList: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "list";
      /** @description The entries, newest first unless said otherwise */
      data: components["schemas"]["Model"][];
    };
    Model: {
      /** @description Identifier */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "model";
      /** @description Always 0 */
      created: number;
      /** @description Who provides it */
      owned_by: string;
      /** @description Longest prompt and reply together, in tokens */
      context_length: number;
    };
    Error: {
      /** @description What went wrong */
      error: {
        /**
         * @description Its kind
         * @example invalid_request_error
         */
        type: string;
        /**
         * @description The failure's code, for programs to switch on
         * @example invalid_request
         */
        code: string;
        /** @description What happened, for people */
        message: string;
        /** @description The field at fault */
        param?: string;
        /** @description Identifies the request in logs; also in the header x-request-id */
        request_id?: string;
      };
    };
    ChatCompletion: {
      /** @description Identifier */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "chat.completion";
      /** @description Unix time in seconds */
      created: number;
      /** @description Name of the model that gives replies */
      model: string;
      /** @description The reply; always one */
      choices: {
        /** @description Place in the order, from 0 on */
        index: number;
        /** @description What happened, for people */
        message: {
          /**
           * @description Who speaks
           * @enum {string}
           */
          role: "assistant";
          /** @description Text of the message, or its parts */
          content: string | null;
          /** @description Always null */
          refusal: null;
          /** @description The model's thought before its reply; no part of the reply */
          reasoning_content?: string;
          /** @description Calls of functions */
          tool_calls?: {
            /** @description Identifier */
            id: string;
            /**
             * @description Its kind
             * @enum {string}
             */
            type: "function";
            /** @description The function */
            function: {
              /** @description Name */
              name: string;
              /** @description Arguments of the call, as JSON text */
              arguments: string;
            };
          }[];
        };
        /** @description Log-probs of the reply's tokens, if requested */
        logprobs?: unknown;
        /**
         * @description Why the reply ended: by itself, at its longest length, stopped, or at a function call
         * @enum {string}
         */
        finish_reason: "stop" | "length" | "tool_calls";
      }[];
      /** @description Tokens used */
      usage: components["schemas"]["Usage"];
      /** @description What this API adds to OpenAI's answer */
      rosa2: {
        /** @description The session; null: none */
        session: string | null;
        /** @description The generation, by its id; `base` is the model without an adapter */
        generation: string;
        /** @description What it cost */
        cost: components["schemas"]["Cost"];
      };
    };
    Usage: {
      /** @description Tokens of the prompt, cached ones included */
      prompt_tokens: number;
      /** @description Tokens of the reply */
      completion_tokens: number;
      /** @description Tokens of prompt and reply together */
      total_tokens: number;
      /** @description Parts of prompt_tokens */
      prompt_tokens_details: {
        /** @description Prompt tokens whose computation was reused; part of prompt_tokens */
        cached_tokens: number;
      };
    };
    Cost: {
      /**
       * @description US dollars
       * @example 0.0000021
       */
      usd: number;
    };
    ChatCompletionRequest: {
      /**
       * @description The served model's name, or an alias of the deployment's; any other is refused
       * @example rosa2-mini-2
       */
      model: string;
      /** @description The conversation; its last message is answered */
      messages: ({
        /**
         * @description Who speaks
         * @example user
         */
        role: string;
        /**
         * @description Text of the message, or its parts
         * @example Write a haiku about rain
         */
        content?:
          | string
          | ({
              /** @description Its kind */
              type: string;
              /** @description The text */
              text?: string;
            } & {
              [key: string]: unknown;
            })[]
          | null;
        /** @description Calls of functions */
        tool_calls?:
          | ({
              /** @description Identifier */
              id: string;
              /** @description Its kind */
              type?: string;
              /** @description The function */
              function?: {
                /** @description Name */
                name: string;
                /** @description Arguments of the call, as JSON text */
                arguments: string;
              } & {
                [key: string]: unknown;
              };
            } & {
              [key: string]: unknown;
            })[]
          | null;
        /** @description The call that this message answers */
        tool_call_id?: string | null;
      } & {
        [key: string]: unknown;
      })[];
      /** @description Whether the answer comes as server-sent events */
      stream?: boolean | null;
      /** @description Settings of the stream */
      stream_options?:
        | ({
            /** @description Whether the last chunk contains the usage */
            include_usage?: boolean | null;
          } & {
            [key: string]: unknown;
          })
        | null;
      /** @description 0 always takes the likeliest token; higher draws more widely. The model's own unless given */
      temperature?: number | null;
      /** @description Share of the probability that tokens are drawn from; 0 keeps the likeliest token alone, 1 all */
      top_p?: number | null;
      /** @description How many of the likeliest tokens are drawn from; 0 and -1 keep every token */
      top_k?: number | null;
      /** @description Tokens less likely than this share of the likeliest one's probability are left out */
      min_p?: number | null;
      /** @description Above 1 tokens of the prompt and the reply so far become less likely; 1 changes nothing */
      repetition_penalty?: number | null;
      /** @description Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window */
      max_tokens?: number | null;
      /** @description Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window */
      max_completion_tokens?: number | null;
      /** @description Number of replies; only 1 */
      n?: number | null;
      /** @description Texts that end the reply; they are no part of it */
      stop?: string | string[] | null;
      /**
       * @description The same seed, prompt and parameters draw the same reply from the same model
       * @example 7
       */
      seed?: number | null;
      /** @description Taken off a token's logit for each time that the reply has it; negative adds */
      frequency_penalty?: number | null;
      /** @description Taken off the logit of every token that the reply has; negative adds */
      presence_penalty?: number | null;
      /**
       * @description Added to the logits of token ids, -100 to 100; -100 forbids a token in practice
       * @example {
       *       "42": -100
       *     }
       */
      logit_bias?: {
        [key: string]: number;
      } | null;
      /** @description Log-probs of the reply's tokens, if requested */
      logprobs?: boolean | null;
      /** @description Number of alternatives reported with each token */
      top_logprobs?: number | null;
      /** @description The required form of the reply */
      response_format?:
        | ({
            /**
             * @description Its kind
             * @enum {string}
             */
            type: "text";
          } & {
            [key: string]: unknown;
          })
        | ({
            /**
             * @description Its kind
             * @enum {string}
             */
            type: "json_object";
          } & {
            [key: string]: unknown;
          })
        | ({
            /**
             * @description Its kind
             * @enum {string}
             */
            type: "json_schema";
            /** @description The schema that the reply must fit */
            json_schema: {
              /** @description Name */
              name: string;
              /** @description JSON Schema of the reply */
              schema?: {
                [key: string]: unknown;
              } | null;
            } & {
              [key: string]: unknown;
            };
          } & {
            [key: string]: unknown;
          })
        | null;
      /** @description Functions that may be called */
      tools?:
        | ({
            /** @description Its kind */
            type: string;
            /** @description The function */
            function?: {
              /** @description Name */
              name: string;
              /** @description What the function does, for the model to read */
              description?: string | null;
              /** @description JSON Schema of the function's arguments */
              parameters?: {
                [key: string]: unknown;
              } | null;
            } & {
              [key: string]: unknown;
            };
          } & {
            [key: string]: unknown;
          })[]
        | null;
      /** @description Whether functions are called: `none`, `auto`, `required`, or the one named */
      tool_choice?:
        | ("none" | "auto" | "required")
        | ({
            /** @description Its kind */
            type: string;
            /** @description The function */
            function?: {
              /** @description Name */
              name: string;
            } & {
              [key: string]: unknown;
            };
            /** @description Which of the functions may be called */
            allowed_tools?: {
              /**
               * @description What adapts: `both`, `words`, `weights`, or `off`
               * @enum {string}
               */
              mode: "auto" | "required";
              /** @description Functions that may be called */
              tools: ({
                /** @description The function */
                function?: {
                  /** @description Name */
                  name: string;
                } & {
                  [key: string]: unknown;
                };
              } & {
                [key: string]: unknown;
              })[];
            } & {
              [key: string]: unknown;
            };
          } & {
            [key: string]: unknown;
          })
        | null;
      /** @description Whether one reply may call several functions */
      parallel_tool_calls?: boolean | null;
      /**
       * @description `none` switches a thinking model's thinking off, any other value on
       * @enum {string|null}
       */
      reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | null;
      /** @description Settings of the model's chat template; only `enable_thinking` is known */
      chat_template_kwargs?: {
        /** @description Whether a thinking model thinks before it replies */
        enable_thinking?: boolean | null;
      } | null;
      /** @description Your own notes; they have no effect here */
      metadata?: {
        [key: string]: unknown;
      } | null;
    } & {
      [key: string]: unknown;
    };
    Response: {
      /** @description What the next request names as previous_response_id */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "response";
      /** @description Unix seconds */
      created_at: number;
      /**
       * @description Its state
       * @enum {string}
       */
      status: "completed" | "incomplete";
      /** @description The model that answered */
      model: string;
      /** @description A thought, what is said, and the functions that are called, as far as there are */
      output: ({
        /** @description Identifier */
        id: string;
        /** @description Its kind */
        type: string;
      } & {
        [key: string]: unknown;
      })[];
      /** @description Tokens used */
      usage: {
        /** @description Tokens of the prompt */
        input_tokens: number;
        /** @description Tokens of the reply, thinking included */
        output_tokens: number;
        /** @description Tokens of prompt and reply together */
        total_tokens: number;
      } & {
        [key: string]: unknown;
      };
    } & {
      [key: string]: unknown;
    };
    ResponseRequest: {
      /**
       * @description The served model's name, or an alias of the deployment's; any other is refused
       * @example rosa2-mini-2
       */
      model: string;
      /**
       * @description The request, or the items of a conversation that ends with it or with functions' results
       * @example Which rivers meet in Lyon?
       */
      input:
        | string
        | ({
            /** @description Its kind */
            type?: string;
            /** @description Who speaks */
            role?: string;
            /** @description Text of the message, or its parts */
            content?:
              | string
              | ({
                  /** @description Its kind */
                  type: string;
                  /** @description The reply's format, or the item's text */
                  text?: string;
                } & {
                  [key: string]: unknown;
                })[]
              | null;
            /** @description Identifier */
            id?: string | null;
            /** @description The call that this is the result of */
            call_id?: string;
            /** @description Name */
            name?: string;
            /** @description Arguments of the call, as JSON text */
            arguments?: string;
            /** @description What the model said, or the result of a call */
            output?:
              | string
              | ({
                  /** @description Its kind */
                  type: string;
                  /** @description The reply's format, or the item's text */
                  text?: string;
                } & {
                  [key: string]: unknown;
                })[];
          } & {
            [key: string]: unknown;
          })[];
      /** @description What every reply is to follow */
      instructions?: string | null;
      /** @description The stored response that this one follows; it must be its session's latest turn */
      previous_response_id?: string | null;
      /** @description Whether the response becomes a turn of a session (default), or leaves nothing behind */
      store?: boolean | null;
      /** @description Answers with server-sent events */
      stream?: boolean | null;
      /** @description Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window */
      max_output_tokens?: number | null;
      /** @description 0 always takes the likeliest token; higher draws more widely. The model's own unless given */
      temperature?: number | null;
      /** @description Share of the probability that tokens are drawn from; 0 keeps the likeliest token alone, 1 all */
      top_p?: number | null;
      /** @description The reply's format, or the item's text */
      text?:
        | ({
            /** @description The reply's shape: text, json_object or json_schema */
            format?:
              | ({
                  /** @description Its kind */
                  type: string;
                  /** @description JSON Schema of the reply */
                  schema?: {
                    [key: string]: unknown;
                  } | null;
                } & {
                  [key: string]: unknown;
                })
              | null;
            /** @description Without effect */
            verbosity?: string | null;
          } & {
            [key: string]: unknown;
          })
        | null;
      /** @description Functions that may be called */
      tools?:
        | ({
            /** @description Its kind */
            type: string;
            /** @description Name */
            name?: string;
            /** @description What the function does, for the model to read */
            description?: string | null;
            /** @description JSON Schema of the function's arguments */
            parameters?: {
              [key: string]: unknown;
            } | null;
          } & {
            [key: string]: unknown;
          })[]
        | null;
      /** @description Whether functions are called: `none`, `auto`, `required`, or the one named */
      tool_choice?:
        | ("none" | "auto" | "required")
        | ({
            /** @description Its kind */
            type: string;
            /** @description Name */
            name?: string;
            /**
             * @description Whether one of the functions must be called
             * @enum {string}
             */
            mode?: "auto" | "required";
            /** @description Functions that may be called */
            tools?: ({
              /** @description Name */
              name?: string;
            } & {
              [key: string]: unknown;
            })[];
          } & {
            [key: string]: unknown;
          })
        | null;
      /** @description Whether one reply may call several functions */
      parallel_tool_calls?: boolean | null;
      /** @description How the model thinks before it replies */
      reasoning?:
        | ({
            /**
             * @description How much the model thinks before it replies
             * @enum {string|null}
             */
            effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | null;
          } & {
            [key: string]: unknown;
          })
        | null;
    } & {
      [key: string]: unknown;
    };
    Session: components["schemas"]["SessionSummary"] & {
      /** @description Instructions for the model before every request of the session; null: none */
      instructions: string | null;
      /**
       * @description As it was given, or where the call came from; null where unknown
       * @enum {string|null}
       */
      region: "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me" | null;
      /**
       * @description What the model is shown: the dialogue and the request, or the request alone
       * @enum {string}
       */
      context: "request" | "dialogue";
      /**
       * @description Who proposes wordings; null: the deployment's choice
       * @enum {string}
       */
      rewriter: "compose" | "gpu" | "openai" | "workers-ai";
      /**
       * @description What the session says of thinking; null: nothing
       * @enum {string|null}
       */
      reasoning_effort: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | null;
      /**
       * @description Session and turn that this one was forked from; null: none
       * @example ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE
       */
      forked_from: string | null;
      /**
       * @description Its part in the tenant's holdout: `held_out` stays unadapted, whatever mode was asked for; null: it takes no part
       * @enum {string|null}
       */
      holdout: "held_out" | "adapted" | null;
      /**
       * Format: date-time
       * @description When it ends (ISO 8601, UTC); null: never
       * @example 2026-11-23T09:30:00.000Z
       */
      expires_at: string | null;
      /** @description The latest turns, or those before `cursor`, oldest first */
      turns: components["schemas"]["Turn"][];
      /** @description Feedback on these turns */
      feedback: components["schemas"]["FeedbackRecord"][];
      /** @description With it as `cursor` the turns before these are read; null where there are none */
      next_cursor: string | null;
      /** @description Sums over the session */
      totals: {
        /** @description Number of turns */
        turns: number;
        /** @description The session's feedback, oldest first */
        feedback: number;
        /** @description Number of generations */
        generations: number;
        /** @description Tokens read for replies and in words steps, as they are billed */
        prompt_tokens: number;
        /** @description Tokens written as replies and in words steps, as they are billed */
        completion_tokens: number;
        /** @description What it cost */
        cost: components["schemas"]["Cost"];
      };
    };
    Turn: {
      /**
       * @description Identifier
       * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
       */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "turn";
      /**
       * @description The session
       * @example ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE
       */
      session_id: string;
      /** @description Place in the order, from 0 on */
      index: number;
      /**
       * @description Its state
       * @enum {string}
       */
      status: "running" | "completed" | "stopped" | "failed";
      /** @description The request as said */
      content: string;
      /** @description The request as the model saw it */
      prompt: string;
      /** @description The model's reply; empty while the turn is running */
      reply: string;
      /**
       * @description Why the reply ended: by itself, at its longest length, stopped, or at a function call
       * @enum {string|null}
       */
      finish_reason: "stop" | "length" | "stopped" | null;
      /** @description The reply is a near copy of a long reply that was rejected: a few warmer draws gave nothing else */
      repeats_rejected: boolean;
      /**
       * @description `base` or a generation's id
       * @example base
       */
      generation: string;
      /**
       * @description The turn that this one tries again; null: none
       * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
       */
      retry_of: string | null;
      /** @description Number of this try at the same request, from 1 */
      attempt: number;
      /** @description exp(S/T) of the reply, 0…1: the geometric mean of its T tokens' probabilities */
      confidence: number | null;
      /** @description Tokens used */
      usage: components["schemas"]["Usage"] | null;
      /** @description What it cost */
      cost: components["schemas"]["Cost"];
      /** @description What went wrong */
      error: {
        /** @description The failure's code, for programs to switch on */
        code: string;
        /** @description What happened, for people */
        message: string;
      } | null;
      /**
       * Format: date-time
       * @description When it was made (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      created_at: string;
    };
    FeedbackRecord: {
      /** @description Identifier */
      id: string;
      /**
       * @description The turn
       * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
       */
      turn_id: string;
      /**
       * @description Its state
       * @enum {string}
       */
      status: "pending" | "done";
      /** @description How good the reply was, from -1 (wrong) to 1 (right); 0 says nothing */
      reward: number;
      /** @description What the user said */
      text: string | null;
      /** @description The reply that would have been right */
      correction: string | null;
      /** @description Effect of the feedback on the request's words; null: not yet decided */
      words: components["schemas"]["Words"] | null;
      /** @description Effect of the feedback on the weights; null: not yet decided */
      weights: components["schemas"]["Weights"] | null;
      /** @description The roll-back that this feedback completed, where the tenant wants one after so many rejections; null: none */
      rolled_back: components["schemas"]["RollBack"] | null;
      /** @description The schedule's decision, with the settings of the update if one was computed */
      plan: {
        [key: string]: unknown;
      } | null;
      /** @description What it cost */
      cost: components["schemas"]["Cost"];
      /**
       * @description The turn that answered again; null: none
       * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
       */
      retry_turn_id: string | null;
      /**
       * Format: date-time
       * @description When it was made (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      created_at: string;
    };
    Words: {
      /** @description Whether the request is worded differently now */
      changed: boolean;
      /** @description As it was before the feedback */
      before: string;
      /** @description As it is after the feedback */
      after: string;
      /** @description The likely fault: the request's wording, the model's skill, or both */
      diagnosis: string;
      /** @description Share of the likeliest reading, from 0 to 1; higher is surer */
      confidence: number;
      /** @description The feedback named what was misunderstood */
      hinted: boolean;
      /** @description Belief, before this feedback, in the reading that was answered */
      share: number;
      /** @description The model that was asked for wordings; null where what the session holds explained the feedback, or none is set up. Tokens of the served model are billed as a reply's, whichever wording wins; weighing is not billed */
      rewriter: {
        /** @description Name */
        name: string;
        /** @description Whether one of the proposed wordings is used */
        adopted: boolean;
        /** @description Why the rewriter proposed nothing; null: it did propose */
        failure: string | null;
        /** @description Number of calls to the rewriter */
        calls: number;
        /** @description Wordings that it proposed */
        drawn: number;
        /** @description Those that passed the checks; only they were weighed */
        kept: number;
        /** @description Tokens of the prompt, cached ones included */
        prompt_tokens: number;
        /** @description Tokens of the reply */
        completion_tokens: number;
      } | null;
      /** @description Who proposed the wording that goes out: `said`, `composed` (request and remarks), `in_place` (a remark where the part stood that it repeats), `senses` (own ones), `session` (learnt earlier in it), or the rewriter's name */
      by: string;
      /** @description Why that wording goes out */
      reason: string;
      /** @description How the retry asks where skill rather than meaning seems to be missing: the same wording, to be worked on step by step. Its steps are drawn once beforehand and billed like a reply. The plan holds for this retry alone. Only the answer is learnt from it, under the wording */
      plan: {
        /** @description What the retry asks */
        prompt: string;
        /** @description Reason for the decision, for people */
        reason: string;
      } | null;
      /** @description Tokens that this step was billed for: drawn wordings, the reply that the remark gets by itself, and the steps of a plan, whether they are used or not */
      billed: {
        /** @description Tokens of the prompt, cached ones included */
        prompt_tokens: number;
        /** @description Tokens of the reply */
        completion_tokens: number;
      };
      /** @description The likeliest wordings that were weighed */
      candidates: {
        /** @description The request in this wording */
        wording: string;
        /** @description Who worded it: `said`, `composed`, `in_place`, or the rewriter's name */
        by: string;
        /** @description Belief in it before this feedback */
        prior: number;
        /** @description Belief in it now */
        share: number;
        /** @description Log-prob of the rejected reply under it (nats) */
        rejected: number | null;
        /** @description Log-prob of the accepted reply or correction under it (nats) */
        right: number | null;
      }[];
      /** @description Standing wishes of the user, which every wording states */
      constraints: string[];
      /** @description Readings that the feedback contradicts */
      ruled_out: string[];
      /** @description Places of words with several meanings in the request */
      spans: {
        /** @description Name of the sense, for people */
        label: string;
        /** @description The span's own words */
        text: string;
        /** @description Index of the span's first UTF-16 unit in the request */
        start: number;
        /** @description Index after the last UTF-16 unit of the span in the request */
        end: number;
        /** @description How the meaning is written in the request; null: not at all */
        phrase: string | null;
        /** @description Whether the wording states this meaning */
        said: boolean;
        /** @description Probability of this reading, from 0 to 1 */
        probability: number;
      }[];
    };
    Weights: {
      /**
       * @description `updated`: a new generation was made; `skipped`: there was nothing to compute; `rejected`: the update did not help; `queued`: it follows later
       * @enum {string}
       */
      decision: "updated" | "skipped" | "rejected" | "queued";
      /** @description Reason for the decision, for people */
      reason: string;
      /** @description The generation, by its id; `base` is the model without an adapter */
      generation?: string;
      /** @description Whether the new generation answers from now on (compare-and-set succeeded) */
      active: boolean;
      /** @description Frobenius norm of this update's change of the adapter */
      step_norm: number | null;
      /** @description Frobenius norm of the adapter after this update: its distance from the base model */
      shift_norm: number | null;
      /** @description Mean KL(new ‖ this update's start) in nats a token, measured on the model's own samples and the session's accepted replies */
      kl: number | null;
      /** @description Mean KL(new ‖ base model) in nats a token, measured on the model's own samples */
      kl_base: number | null;
      /** @description Summed log-prob of the right reply and its end token before and after this update (nats), over so many tokens */
      right_reply: {
        /** @description Log-prob of the reply before the update, in nats; higher is likelier */
        logprob_before: number;
        /** @description Log-prob of the reply after the update, in nats; higher is likelier */
        logprob_after: number;
        /** @description Number of tokens */
        tokens: number;
      } | null;
      /** @description Log-probs of the first 64 tokens of the right and of the rejected reply before and after this update (nats); null where there is no such reply */
      tokens: {
        /** @description The right reply */
        right:
          | {
              /** @description The token's part of the reply's text; empty for the token that ends the reply */
              text: string;
              /** @description Log-prob before the update, in nats; higher is likelier */
              before: number;
              /** @description Log-prob after the update, in nats; higher is likelier */
              after: number;
            }[]
          | null;
        /** @description The reply that the feedback rejects */
        rejected:
          | {
              /** @description The token's part of the reply's text; empty for the token that ends the reply */
              text: string;
              /** @description Log-prob before the update, in nats; higher is likelier */
              before: number;
              /** @description Log-prob after the update, in nats; higher is likelier */
              after: number;
            }[]
          | null;
      } | null;
      /** @description Mean over the examples of reward times confidence (geometric mean of the reply's token probabilities), minus β times `kl`, at this update's start and after it. It can fall */
      objective: {
        /** @description Before the update */
        before: number;
        /** @description After the update */
        after: number;
      } | null;
      /** @description Duration in milliseconds */
      ms: number | null;
    };
    RollBack: {
      /** @description The generation that answered until then */
      from: string;
      /** @description The generation that answers again; `base` or an id */
      to: string;
      /** @description Replies of the generations taken back that were rejected */
      rejections: number;
    };
    SessionSummary: {
      /**
       * @description Identifier
       * @example ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE
       */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "session";
      /**
       * @description Your own name for one of your users
       * @example user_4711
       */
      owner: string | null;
      /** @description Name of the session, for people; null: none */
      title: string | null;
      /**
       * @description Your own pairs of key and value
       * @example {
       *       "topic": "billing"
       *     }
       */
      metadata: {
        [key: string]: string;
      };
      /**
       * @description What adapts: `both`, `words`, `weights`, or `off`
       * @enum {string}
       */
      mode: "both" | "words" | "weights" | "off";
      /**
       * @description `base` or a generation's id
       * @example base
       */
      generation: string;
      /** @description Number of turns */
      turn_count: number;
      /**
       * Format: date-time
       * @description When it was made (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      created_at: string;
      /**
       * Format: date-time
       * @description When it last changed (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      updated_at: string;
    };
    SessionCreate: {
      /** @description Instructions for the model before every request of the session; null: none */
      instructions?: string;
      /** @description Name of the session, for people; null: none */
      title?: string;
      /**
       * @description Your own pairs of key and value
       * @example {
       *       "topic": "billing"
       *     }
       */
      metadata?: {
        [key: string]: string;
      };
      /**
       * @description Whether a thinking model thinks before the replies of this session, where a request does not say: `none` and `minimal` switch it off, the others on. The model's own habit unless given
       * @enum {string}
       */
      reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh";
      /**
       * @description Where the session's user is, if not where this call comes from: a hint, by which the platform places the session and the nearest GPU service answers
       * @example weur
       * @enum {string}
       */
      region?: "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";
      /** @description Which of words and weights adapt in this session, and how */
      adaptation?: components["schemas"]["Adaptation"];
      /** @description The team's own words with more than one meaning */
      lexicon?: components["schemas"]["Lexicon"];
      /** @description The session erases itself this long after it was made */
      ttl_seconds?: number;
    };
    Adaptation: {
      /**
       * @description What adapts: `both`, `words`, `weights`, or `off`
       * @default both
       * @enum {string}
       */
      mode?: "both" | "words" | "weights" | "off";
      /**
       * @description What the model sees besides the instructions: the dialogue so far (default), or the rewritten request alone (default where the words adapt and the served checkpoint says so)
       * @enum {string}
       */
      context?: "request" | "dialogue";
      /**
       * @description The source of proposed wordings: the served model (`gpu`), the deployment's own `openai` or `workers-ai` where it is set up, or none (`compose`: the request with the remarks as they were said). By default the deployment's choice
       * @enum {string}
       */
      rewriter?: "compose" | "gpu" | "openai" | "workers-ai";
      /**
       * @description Whether the session may be held out and compared, where the tenant has a holdout. False: it takes no part
       * @default true
       */
      holdout?: boolean;
    };
    /** @description Own senses of this session, beside and before the tenant's */
    Lexicon: {
      /**
       * @description Wordings with several readings, of your own domain. `*` in spans, hints and cues stands for any one word
       * @example [
       *       {
       *         "id": "close",
       *         "label": "closing",
       *         "spans": [
       *           "close the ticket"
       *         ],
       *         "readings": [
       *           {
       *             "id": "resolved",
       *             "phrase": "as resolved",
       *             "cues": [
       *               "it is fixed"
       *             ]
       *           },
       *           {
       *             "id": "rejected",
       *             "phrase": "as rejected",
       *             "cues": [
       *               "we will not do it"
       *             ]
       *           }
       *         ]
       *       }
       *     ]
       */
      senses: {
        /** @description Identifier */
        id: string;
        /** @description Name of the sense, for people */
        label: string;
        /** @description Places of words with several meanings in the request */
        spans: string[];
        /**
         * @description Words near the span that support one reading
         * @default []
         */
        hints?: string[];
        /**
         * @description Where the reading's phrase is inserted: after the span, or at the end of the request
         * @default after
         * @enum {string}
         */
        attach?: "after" | "end";
        /**
         * @description Whether the meaning is written only if feedback or scores support it
         * @default false
         */
        shy?: boolean;
        /** @description What the words may mean, with their probabilities or phrases */
        readings: {
          /** @description Identifier */
          id: string;
          /** @description How the meaning is written in the request; null: not at all */
          phrase: string;
          /**
           * @description Words by which users show that they mean this reading
           * @default []
           */
          cues?: string[];
          /**
           * @description Probability of the reading before anything was said, from 0 to 1
           * @default 1
           */
          prior?: number;
        }[];
      }[];
    };
    SessionList: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "list";
      /** @description The entries, newest first unless said otherwise */
      data: components["schemas"]["SessionSummary"][];
      /** @description Null on the last page */
      next_cursor: string | null;
    };
    /** @description What is given replaces what there was */
    SessionPatch: {
      /** @description Name of the session, for people; null: none */
      title?: string | null;
      /**
       * @description Your own pairs of key and value
       * @example {
       *       "topic": "billing"
       *     }
       */
      metadata?: {
        [key: string]: string;
      };
      /**
       * @description Whether a thinking model thinks before the replies of this session, where a request does not say: `none` and `minimal` switch it off, the others on. The model's own habit unless given
       * @enum {string|null}
       */
      reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | null;
    };
    SessionErased: {
      /**
       * @description Identifier
       * @example ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE
       */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "session.erased";
      /** @description How much was deleted */
      erased: {
        /** @description Number of turns */
        turns: number;
        /** @description Number of generations */
        generations: number;
        /** @description Number of events */
        events: number;
        /** @description Number of adapter files */
        adapters: number;
      };
      /**
       * @description What is kept after the session is erased
       * @example usage rows and a holdout's counts, without content
       */
      kept: string;
    };
    Fork: {
      /**
       * @description Fork right after this turn's reply: its generation, the words as they then were. Without it, the session as it is now
       * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
       */
      turn_id?: string;
      /** @description Name of the session, for people; null: none */
      title?: string;
    };
    TurnCreate: {
      /**
       * @description The request as the user types it
       * @example Write a haiku about rain
       */
      content: string;
      /**
       * @description Whether the answer comes as server-sent events
       * @default false
       */
      stream?: boolean;
      /** @description 0 always takes the likeliest token; higher draws more widely. The model's own unless given */
      temperature?: number;
      /** @description Share of the probability that tokens are drawn from; 0 keeps the likeliest token alone, 1 all */
      top_p?: number;
      /** @description How many of the likeliest tokens are drawn from; 0 and -1 keep every token */
      top_k?: number;
      /** @description Tokens less likely than this share of the likeliest one's probability are left out */
      min_p?: number;
      /** @description Above 1 tokens of the prompt and the reply so far become less likely; 1 changes nothing */
      repetition_penalty?: number;
      /** @description Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window */
      max_tokens?: number;
      /** @description Texts at which the reply ends; they are no part of it */
      stop?: string[];
      /**
       * @description The same seed, prompt and parameters draw the same reply from the same model
       * @example 7
       */
      seed?: number;
      /**
       * @description Added to the logits of token ids, -100 to 100; -100 forbids a token in practice
       * @example {
       *       "42": -100
       *     }
       */
      logit_bias?: {
        [key: string]: number;
      };
      /**
       * @description For this reply, whatever the session says
       * @enum {string}
       */
      reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh";
    };
    Reach: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "reach";
      /**
       * @description The turn
       * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
       */
      turn_id: string;
      /**
       * @description `settled`: the model would say it already; `one_update` and `several_updates`: so far it is, by what one update may move at most; `too_long`: with the request it exceeds the window; `unwritable`: the tokenizer cannot write it; `fixed_weights`: the weights of this session do not change
       * @example one_update
       * @enum {string}
       */
      verdict:
        | "settled"
        | "one_update"
        | "several_updates"
        | "too_long"
        | "unwritable"
        | "fixed_weights";
      /**
       * @description The verdict as one sentence for people
       * @example One correction can teach this.
       */
      reason: string;
      /**
       * @description Updates that it takes at least; the bounds on KL may ask for more. Null where the weights cannot learn it, or that is not known
       * @example 1
       */
      updates_min: number | null;
      /**
       * @description Summed log-prob of the correction and its end token, under the active wording and generation (nats); null where it was not measured
       * @example -4.1
       */
      logprob: number | null;
      /**
       * @description Tokens of the correction, its end token included
       * @example 6
       */
      tokens: number | null;
      /**
       * @description Tokens of the prompt and the correction together
       * @example 30
       */
      total_tokens: number | null;
      /**
       * @description Tokens that the window holds
       * @example 512
       */
      context_length: number | null;
      /**
       * @description What the correction lacks of being likely, token by token; 0 is settled (nats)
       * @example 3.9
       */
      owed_nats: number | null;
      /**
       * @description The most that one update raises one reply by (nats)
       * @example 64
       */
      owed_nats_max: number | null;
      /** @description Characters without a token of their own, which are spelled in bytes */
      in_bytes: string[];
      /** @description Characters or words that the tokenizer has no way to write */
      unwritable: string[];
    };
    ReachQuestion: {
      /**
       * @description The reply that would have been right
       * @example 31, 12, 7
       */
      correction: string;
    };
    FeedbackResult: {
      /** @description Identifier */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "feedback";
      /**
       * @description The turn
       * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
       */
      turn_id: string;
      /**
       * @description Its state
       * @enum {string}
       */
      status: "pending" | "done";
      /** @description Effect of the feedback on the request's words; null: not yet decided */
      words: components["schemas"]["Words"];
      /** @description Effect of the feedback on the weights; null: not yet decided */
      weights: components["schemas"]["Weights"];
      /** @description The roll-back that this feedback completed, where the tenant wants one after so many rejections; null: none */
      rolled_back: components["schemas"]["RollBack"] | null;
      /** @description What the schedule decided, and the update plan sent to the GPU service */
      plan: {
        [key: string]: unknown;
      } | null;
      /** @description The turn that answered again; null or absent: none */
      turn?: components["schemas"]["Turn"];
      /** @description What it cost */
      cost: components["schemas"]["Cost"];
    };
    Feedback: {
      /** @description How good the reply was, from -1 (wrong) to 1 (right); 0 says nothing */
      reward: number;
      /** @description What is wrong or right, in the user's own words */
      text?: string;
      /** @description The reply that would have been right */
      correction?: string;
      /**
       * @description Whether the request is answered again after the adaptation
       * @default false
       */
      retry?: boolean;
      /** @description Wait for the weights step. Defaults to `retry`; otherwise the step runs while the user reads and the decision is `queued` */
      wait?: boolean;
      /**
       * @description Whether the answer comes as server-sent events
       * @default false
       */
      stream?: boolean;
    };
    WordsState: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "words";
      /** @description What the user asked for, with the turn that it comes from */
      constraints: {
        /** @description Identifier */
        id: string;
        /** @description What the constraint is about */
        topic: string;
        /** @description The text */
        text: string;
        /**
         * @description How long it holds: for this request (`turn`), or also for later ones (`session`)
         * @enum {string}
         */
        scope: "session" | "turn";
        /**
         * @description The turn
         * @example turn_01KAQ2V9M6M8YB6T1N3D5P7QRS
         */
        turn_id: string;
      }[];
      /** @description Words with more than one meaning */
      senses: {
        /** @description Identifier */
        id: string;
        /**
         * @description Belief in each reading; sums to 1
         * @example {
         *       "up": 0.05,
         *       "down": 0.95
         *     }
         */
        readings: {
          [key: string]: number;
        };
        /** @description Replies that were rejected while this sense was open */
        failures: number;
      }[];
      /** @description Revisions that can be taken back */
      undoable: number;
    };
    ConstraintPatch: {
      /** @description The text */
      text?: string;
      /**
       * @description How long it holds: for this request (`turn`), or also for later ones (`session`)
       * @enum {string}
       */
      scope?: "session" | "turn";
    };
    GenerationList: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "list";
      /**
       * @description `base` or a generation's id
       * @example base
       */
      active: string;
      /** @description The entries, newest first unless said otherwise */
      data: components["schemas"]["Generation"][];
      /** @description Null on the last page */
      next_cursor: string | null;
    };
    Generation: {
      /** @description Identifier */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "generation";
      /** @description Place in the order, from 0 on */
      index: number;
      /**
       * @description `base` or a generation's id
       * @example base
       */
      parent: string;
      /** @description Whether this generation answers requests now */
      active: boolean;
      /** @description SHA-256 of the adapter file, in hexadecimal */
      digest: string;
      /** @description Size of the adapter file in bytes */
      bytes: number;
      /** @description The feedback that led to it */
      feedback_id: string | null;
      /** @description The schedule's decision, with the settings of the update if one was computed */
      plan: {
        /** @description β: price of the KL in the objective; a higher one moves the weights less */
        beta?: number;
        /** @description λ: ridge of the least squares; a higher one moves the weights less */
        lambda?: number;
        /** @description ρ: bound on one step's Frobenius norm */
        rho?: number;
        /** @description Largest number of steps of one update */
        iterations?: number;
        /** @description From this probability on a token counts as settled */
        token_settled?: number;
        /** @description Unsettled tokens are moved to this probability */
        token_target?: number;
        /** @description Largest rise of one token that an iteration asks for, in nats */
        token_clip?: number;
        /** @description Largest rise of one reply that an iteration asks for, in nats */
        clip?: number;
        /** @description Largest rise of one reply over all iterations, in nats */
        clip_total?: number;
        /** @description Largest fall of a rejected reply in all, in nats */
        rejected_clip?: number;
        /** @description Rejected replies with a probability below this, from 0 to 1, are not learned from */
        gate?: number;
        /** @description Largest mean KL of one update from its start, in nats a token */
        kl_max?: number;
        /** @description Largest mean KL from the base model, in nats a token */
        kl_base_max?: number;
        /** @description Rank of the adapter's matrices */
        rank?: number;
        /** @description Whether the model's own anchor texts hold its base skills in place */
        anchors?: boolean;
      };
      /** @description Frobenius norm of this update's change */
      step_norm: number;
      /** @description Frobenius norm of the adapter's whole change; higher is further from the base model */
      shift_norm: number;
      /** @description Mean KL(new ‖ this update's start) in nats a token, measured on the model's own samples and the session's accepted replies */
      kl: number;
      /** @description Mean KL(new ‖ base model) in nats a token, measured on the model's own samples */
      kl_base: number;
      /** @description Mean over the examples of reward times confidence (geometric mean of the reply's token probabilities), minus β times `kl`, at this update's start and after it. It can fall */
      objective: {
        /** @description As it was before the feedback */
        before: number;
        /** @description As it is after the feedback */
        after: number;
      };
      /** @description What each example was asked to gain in log-prob, was predicted to, and did (nats) */
      rows: {
        /**
         * @description What the update asks of this example: accepted and corrected replies become likelier, rejected ones less likely, held ones stay as they are
         * @enum {string}
         */
        kind: "accepted" | "corrected" | "rejected" | "held";
        /** @description Log-prob of the reply before the update, in nats; higher is likelier */
        logprob_before: number;
        /** @description Log-prob of the reply after the update, in nats; higher is likelier */
        logprob_after: number;
        /** @description Requested rise of the log-prob, in nats */
        target_shift: number;
        /** @description Rise of the log-prob predicted by the linear model, in nats */
        predicted_shift: number;
        /** @description Measured rise of the log-prob, in nats */
        realised_shift: number;
        /** @description Tokens of the reply */
        reply_tokens: number;
        /** @description Tokens of the reply that were not settled before the update */
        owed_tokens: number;
      }[];
      /**
       * Format: date-time
       * @description When it was made (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      created_at: string;
    };
    ApiKeyCreated: components["schemas"]["ApiKey"] & {
      /** @description Shown once */
      key: string;
    };
    ApiKey: {
      /** @description Identifier */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "api_key";
      /** @description Name */
      name: string;
      /** @description The key's first characters, to tell keys apart */
      prefix: string;
      /** @description What the bearer is allowed to do */
      scopes: ("chat" | "adapt" | "mint" | "admin")[];
      /**
       * @description Requests per minute that the key may make
       * @example 300
       */
      requests_per_minute: 60 | 300 | 1200;
      /**
       * Format: date-time
       * @description When it was made (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      created_at: string;
      /**
       * Format: date-time
       * @description When it ends (ISO 8601, UTC); null: never
       * @example 2026-11-23T09:30:00.000Z
       */
      expires_at: string | null;
      /**
       * Format: date-time
       * @description When it was revoked (ISO 8601, UTC); null: it is not
       * @example 2026-11-23T09:30:00.000Z
       */
      revoked_at: string | null;
    };
    KeyCreate: {
      /** @description Name */
      name: string;
      /**
       * @description What the bearer is allowed to do
       * @default [
       *       "chat",
       *       "adapt"
       *     ]
       */
      scopes?: ("chat" | "adapt" | "mint" | "admin")[];
      /** @description Life of the key in seconds; without it the key lives until it is revoked */
      expires_in_seconds?: number;
      /**
       * @description Requests per minute that the key may make
       * @default 1200
       * @example 300
       */
      requests_per_minute?: 60 | 300 | 1200;
    };
    ApiKeyList: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "list";
      /** @description The entries, newest first unless said otherwise */
      data: components["schemas"]["ApiKey"][];
      /** @description Null on the last page */
      next_cursor: string | null;
    };
    UsageReport: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "list";
      /**
       * @description What usage is grouped by
       * @enum {string}
       */
      group_by: "day" | "session" | "key" | "owner";
      /** @description The entries, newest first unless said otherwise */
      data: {
        /** @description The day, session, key or owner, according to `group_by`; null: none */
        group: string | null;
        /** @description Tokens of the prompt, cached ones included */
        prompt_tokens: number;
        /** @description Prompt tokens whose computation was reused; part of prompt_tokens */
        cached_tokens: number;
        /** @description Tokens of the reply */
        completion_tokens: number;
        /** @description Number of replies */
        replies: number;
        /** @description Updates of weights that were accepted, and billed */
        adaptations_accepted: number;
        /** @description Updates of weights that were computed and not kept */
        adaptations_rejected: number;
        /** @description Number of calls to a model for wordings */
        rewriter_calls: number;
        /** @description Time on the GPU in milliseconds */
        gpu_ms: number;
        /** @description What it cost */
        cost: components["schemas"]["Cost"];
      }[];
      /** @description Null on the last page */
      next_cursor: string | null;
      /** @description What adaptation changes, by the sessions opened since the holdout's share was set and within the days and the owner asked for; null: there was no holdout yet */
      holdout: components["schemas"]["Holdout"] | null;
    };
    Holdout: {
      /**
       * @description Share of new sessions that stay unadapted, chosen by a hash of the owner, or of the session's id where it has none; 0: none
       * @example 0.1
       */
      share: number;
      /**
       * Format: date-time
       * @description When this share was set
       * @example 2026-11-23T09:30:00.000Z
       */
      since: string;
      /** @description Sessions that stayed unadapted */
      held_out: components["schemas"]["HoldoutArm"];
      /** @description Sessions that adapted */
      adapted: components["schemas"]["HoldoutArm"];
      /** @description What adaptation changed: adapted minus held out */
      difference: {
        /** @description Difference of the replies per problem */
        tries: components["schemas"]["HoldoutDifference"];
        /** @description Difference of the share of problems that ended accepted */
        acceptance: components["schemas"]["HoldoutDifference"];
        /** @description Difference of the cost of a session, in US dollars */
        cost_usd: components["schemas"]["HoldoutDifference"];
      };
    };
    HoldoutArm: {
      /** @description Owners of these sessions; a session without an owner counts as one */
      people: number;
      /** @description Sessions with at least one turn */
      sessions: number;
      /** @description Replies a problem, averaged over a session, a person's sessions, and people; lower is better */
      tries: number | null;
      /** @description Share of a session's judged problems whose last judged reply was accepted, averaged over a person's sessions, and people, 0…1 */
      acceptance: number | null;
      /** @description US dollars a session, averaged over a person's sessions, and people */
      cost_usd: number | null;
    };
    /** @description Adapted minus held out, with the ends of its 95 % interval (Welch's t); of people, each counted once; null where an arm has no session, its ends null where they cannot be estimated */
    HoldoutDifference: {
      /** @description The difference of the means */
      mean: number;
      /** @description Lower end of the 95 % interval */
      low: number | null;
      /** @description Upper end of the 95 % interval */
      high: number | null;
    } | null;
    Budget: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "budget";
      /** @description Spend cap for a calendar month (UTC), in US dollars; null: no cap */
      cap_usd: number | null;
      /** @description The calendar month (UTC) */
      month: string;
      /** @description Spent this month, in US dollars */
      spent_usd: number;
      /** @description Reserved for work under way, in US dollars */
      reserved_usd: number;
    };
    BudgetPut: {
      /** @description Spend cap for a calendar month (UTC), in US dollars; null: no cap */
      cap_usd: number | null;
    };
    ClientToken: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "client_token";
      /** @description To be sent as `Authorization: Bearer …` */
      token: string;
      /**
       * @description Your own name for one of your users
       * @example user_4711
       */
      owner: string;
      /** @description The session; null: none */
      session: string | null;
      /** @description What the bearer is allowed to do */
      scopes: ("chat" | "adapt")[];
      /**
       * Format: date-time
       * @description When it ends (ISO 8601, UTC); null: never
       * @example 2026-11-23T09:30:00.000Z
       */
      expires_at: string;
    };
    ClientTokenCreate: {
      /**
       * @description Your own name for one of your users
       * @example user_4711
       */
      owner: string;
      /**
       * @description The one session that the token is for. It then opens no other and lists none
       * @example ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE
       */
      session?: string;
      /**
       * @description What the bearer is allowed to do
       * @default [
       *       "chat",
       *       "adapt"
       *     ]
       */
      scopes?: ("chat" | "adapt")[];
      /**
       * @description Life in seconds
       * @default 900
       */
      ttl_seconds?: number;
      /** @description Most that the owner may cost in a calendar month (UTC), over all its sessions and tokens. Without it the tenant's own cap alone holds */
      cap_usd?: number;
      /**
       * @description Requests per minute of the owner, over all its tokens
       * @default 60
       */
      requests_per_minute?: 60 | 300 | 1200;
    };
    ClientTokenList: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "list";
      /** @description The entries, newest first unless said otherwise */
      data: components["schemas"]["ClientToken"][];
    };
    ClientTokenBatch: {
      /** @description One order for each token */
      tokens: components["schemas"]["ClientTokenCreate"][];
    };
    ClientTokensRevoked: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "client_tokens.revoked";
      /**
       * @description Your own name for one of your users
       * @example user_4711
       */
      owner: string;
      /**
       * Format: date-time
       * @description Tokens issued before are no longer taken
       * @example 2026-11-23T09:30:00.000Z
       */
      revoked_at: string;
    };
    SigningKey: {
      /**
       * @description To be named as `kid` in the header of the tokens that you sign
       * @example sig_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM
       */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "signing_key";
      /** @description Name */
      name: string;
      /**
       * @description Algorithm of the key's signatures
       * @enum {string}
       */
      algorithm: "EdDSA" | "ES256";
      /**
       * Format: date-time
       * @description When it was made (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      created_at: string;
      /**
       * Format: date-time
       * @description When it was revoked (ISO 8601, UTC); null: it is not
       * @example 2026-11-23T09:30:00.000Z
       */
      revoked_at: string | null;
    };
    SigningKeyCreate: {
      /** @description Name */
      name: string;
      /**
       * @description The public half of an Ed25519 or P-256 key, as a JWK
       * @example {
       *       "kty": "OKP",
       *       "crv": "Ed25519",
       *       "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
       *     }
       */
      public_key: {
        /**
         * @description The key's type
         * @enum {string}
         */
        kty: "OKP" | "EC";
        /**
         * @description The key's curve
         * @enum {string}
         */
        crv: "Ed25519" | "P-256";
        /** @description The public key, base64url */
        x: string;
        /** @description For P-256 */
        y?: string;
        /** @description The key's own name */
        kid?: string;
        /** @description Algorithm of the key's signatures */
        alg?: string;
        /** @description What the key is for */
        use?: string;
      };
    };
    SigningKeyList: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "list";
      /** @description The entries, newest first unless said otherwise */
      data: components["schemas"]["SigningKey"][];
      /** @description Null on the last page */
      next_cursor: string | null;
    };
    Tenant: {
      /** @description Identifier */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "tenant";
      /** @description Name */
      name: string;
      /** @description How many sessions there are */
      sessions: number;
      /** @description Bytes of the adapter files that the sessions hold; a fork counts what it shares */
      adapter_bytes: number;
      /**
       * Format: date-time
       * @description When it was made (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      created_at: string;
      /** @description The latest erasure of everything, while it runs and after */
      erasure: components["schemas"]["Erasure"] | null;
    };
    Erasure: {
      /**
       * @description Its state
       * @enum {string}
       */
      status: "running" | "done";
      /**
       * Format: date-time
       * @description When it was requested (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      requested_at: string;
      /**
       * Format: date-time
       * @description When it was finished (ISO 8601, UTC); null: not yet
       * @example 2026-11-23T09:30:00.000Z
       */
      finished_at: string | null;
      /** @description How much was deleted so far */
      erased: {
        /** @description Number of sessions */
        sessions: number;
        /** @description Number of turns */
        turns: number;
        /** @description Number of generations */
        generations: number;
        /** @description Number of events */
        events: number;
        /** @description Number of adapter files */
        adapters: number;
        /** @description Revoked at once, their names deleted */
        keys: number;
      };
      /** @description What remains, and why */
      kept: string;
    };
    TenantAdaptation: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "tenant.adaptation";
      /**
       * @description Share of new sessions that stay unadapted, chosen by a hash of the owner, or of the session's id where it has none; 0: none
       * @example 0.1
       */
      holdout_share: number;
      /**
       * Format: date-time
       * @description Sessions opened since then are compared; null: there was no holdout yet
       * @example 2026-11-23T09:30:00.000Z
       */
      holdout_since: string | null;
      /**
       * @description Number of rejected replies, of generations without an accepted reply, after which the last generation with one becomes active again; null: never
       * @example 3
       */
      roll_back_after: number | null;
    };
    TenantAdaptationPut: {
      /**
       * @description Share of new sessions that stay unadapted, chosen by a hash of the owner, or of the session's id where it has none; 0: none
       * @example 0.1
       */
      holdout_share: number;
      /**
       * @description Number of rejected replies, of generations without an accepted reply, after which the last generation with one becomes active again; null: never
       * @example 3
       */
      roll_back_after: number | null;
    };
    WebhookSecret: components["schemas"]["Webhook"] & {
      /** @description Signs its messages (`whsec_…`). Shown once */
      secret: string;
    };
    Webhook: {
      /** @description Identifier */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "webhook";
      /** @description Where messages are posted */
      url: string;
      /** @description Events that are sent: `adaptation.updated` (an update landed), `adaptation.rolled_back`, `budget.near` (80 % of the month's cap is spent) */
      events: ("adaptation.updated" | "adaptation.rolled_back" | "budget.near")[];
      /**
       * Format: date-time
       * @description When it was made (ISO 8601, UTC)
       * @example 2026-11-23T09:30:00.000Z
       */
      created_at: string;
      /**
       * Format: date-time
       * @description When its receiver answered 410 Gone; null while it is enabled
       * @example 2026-11-23T09:30:00.000Z
       */
      disabled_at: string | null;
      /**
       * Format: date-time
       * @description When its receiver took the latest message; null: none yet
       * @example 2026-11-23T09:30:00.000Z
       */
      delivered_at: string | null;
      /** @description Messages that its receiver has not taken yet */
      waiting: number;
      /** @description Why the latest attempt failed; null: it did not */
      failure: string | null;
    };
    WebhookCreate: {
      /**
       * @description Where messages are posted: https, under a public name, without user or password
       * @example https://example.com/hooks/rosa2
       */
      url: string;
      /**
       * @description Events that are sent: `adaptation.updated` (an update landed), `adaptation.rolled_back`, `budget.near` (80 % of the month's cap is spent)
       * @default [
       *       "adaptation.updated",
       *       "adaptation.rolled_back",
       *       "budget.near"
       *     ]
       */
      events?: ("adaptation.updated" | "adaptation.rolled_back" | "budget.near")[];
    };
    WebhookList: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "list";
      /** @description The entries, newest first unless said otherwise */
      data: components["schemas"]["Webhook"][];
    };
    WebhookDeleted: {
      /** @description Identifier */
      id: string;
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "webhook.deleted";
    };
    WebhookTested: {
      /**
       * @description What kind of object this is
       * @enum {string}
       */
      object: "webhook.tested";
      /** @description The message's `webhook-id` */
      message_id: string;
    };
  };
  responses: {
    /** @description What went wrong */
    Failure: {
      content: {
        "application/json": components["schemas"]["Error"];
      };
    };
  };
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  getHealth: {
    responses: {
      /** @description The edge is alive; `degraded` when a service that gives replies or computes updates cannot answer now */
      200: {
        content: {
          "application/json": components["schemas"]["Health"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getModels: {
    responses: {
      /** @description The served model */
      200: {
        content: {
          "application/json": components["schemas"]["ModelList"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getModel: {
    parameters: {
      path: {
        /** @description The model's name */
        model: string;
      };
    };
    responses: {
      /** @description The model */
      200: {
        content: {
          "application/json": components["schemas"]["Model"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postChatCompletions: {
    parameters: {
      header?: {
        /** @description The session that the request belongs to; `none` or absent: none */
        "x-rosa2-session"?: string;
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["ChatCompletionRequest"];
      };
    };
    responses: {
      /** @description The reply */
      200: {
        content: {
          "application/json": components["schemas"]["ChatCompletion"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postResponses: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["ResponseRequest"];
      };
    };
    responses: {
      /** @description The response */
      200: {
        content: {
          "application/json": components["schemas"]["Response"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSessions: {
    parameters: {
      query?: {
        /** @description Largest number of entries on the page */
        limit?: number;
        /** @description The `next_cursor` of the page before */
        cursor?: string;
        /** @description Those of one owner alone */
        owner?: string;
        /** @description Those with this pair alone, as `key:value` */
        metadata?: string;
      };
    };
    responses: {
      /** @description One page */
      200: {
        content: {
          "application/json": components["schemas"]["SessionList"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSessions: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["SessionCreate"];
      };
    };
    responses: {
      /** @description The session */
      201: {
        content: {
          "application/json": components["schemas"]["Session"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSession: {
    parameters: {
      query?: {
        /** @description Turns to show */
        limit?: number;
        /** @description The `next_cursor` of the page before: the turns before those */
        cursor?: string;
      };
      path: {
        /** @description The session */
        s: string;
      };
    };
    responses: {
      /** @description The session with one page of its turns */
      200: {
        content: {
          "application/json": components["schemas"]["Session"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  deleteSession: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
      };
    };
    responses: {
      /** @description What was erased, and what is kept */
      200: {
        content: {
          "application/json": components["schemas"]["SessionErased"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  patchSession: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["SessionPatch"];
      };
    };
    responses: {
      /** @description The session */
      200: {
        content: {
          "application/json": components["schemas"]["SessionSummary"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSessionFork: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The session */
        s: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["Fork"];
      };
    };
    responses: {
      /** @description The new session */
      201: {
        content: {
          "application/json": components["schemas"]["Session"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSessionTurns: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The session */
        s: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["TurnCreate"];
      };
    };
    responses: {
      /** @description The turn with its reply */
      200: {
        content: {
          "application/json": components["schemas"]["Turn"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSessionTurn: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
        /** @description The turn */
        t: string;
      };
    };
    responses: {
      /** @description The turn */
      200: {
        content: {
          "application/json": components["schemas"]["Turn"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSessionTurnRetry: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The session */
        s: string;
        /** @description The turn */
        t: string;
      };
    };
    requestBody?: {
      content: {
        "application/json": {
          /**
           * @description Whether the answer comes as server-sent events
           * @default false
           */
          stream?: boolean;
        };
      };
    };
    responses: {
      /** @description The turn with its reply */
      200: {
        content: {
          "application/json": components["schemas"]["Turn"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSessionTurnStop: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The session */
        s: string;
        /** @description The turn */
        t: string;
      };
    };
    responses: {
      /** @description The turn as it now is */
      200: {
        content: {
          "application/json": components["schemas"]["Turn"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSessionTurnEvents: {
    parameters: {
      query?: {
        /** @description As Last-Event-ID, for clients that cannot set headers */
        after?: number | null;
      };
      header?: {
        /** @description Number of the last event that was read; later events follow */
        "last-event-id"?: string;
      };
      path: {
        /** @description The session */
        s: string;
        /** @description The turn */
        t: string;
      };
    };
    responses: {
      /** @description Server-sent events with increasing ids */
      200: {
        content: {
          "text/event-stream": string;
        };
      };
      /** @description Nothing comes after this event; an EventSource stops asking */
      204: Record<string, never>;
      default: components["responses"]["Failure"];
    };
  };
  postSessionTurnReach: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The session */
        s: string;
        /** @description The turn */
        t: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["ReachQuestion"];
      };
    };
    responses: {
      /** @description How far it is */
      200: {
        content: {
          "application/json": components["schemas"]["Reach"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSessionTurnFeedback: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The session */
        s: string;
        /** @description The turn */
        t: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["Feedback"];
      };
    };
    responses: {
      /** @description What changed */
      200: {
        content: {
          "application/json": components["schemas"]["FeedbackResult"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSessionWords: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
      };
    };
    responses: {
      /** @description The words as they now are */
      200: {
        content: {
          "application/json": components["schemas"]["WordsState"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSessionWordsUndo: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The session */
        s: string;
      };
    };
    responses: {
      /** @description The words as they now are */
      200: {
        content: {
          "application/json": components["schemas"]["WordsState"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  deleteSessionWordsConstraint: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
        /** @description The constraint */
        c: string;
      };
    };
    responses: {
      /** @description The words as they now are */
      200: {
        content: {
          "application/json": components["schemas"]["WordsState"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  patchSessionWordsConstraint: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
        /** @description The constraint */
        c: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["ConstraintPatch"];
      };
    };
    responses: {
      /** @description The words as they now are */
      200: {
        content: {
          "application/json": components["schemas"]["WordsState"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  deleteSessionWordsSense: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
        /** @description The sense */
        w: string;
      };
    };
    responses: {
      /** @description The words as they now are */
      200: {
        content: {
          "application/json": components["schemas"]["WordsState"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSessionWordsLexicon: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
      };
    };
    responses: {
      /** @description Own senses */
      200: {
        content: {
          "application/json": components["schemas"]["Lexicon"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  putSessionWordsLexicon: {
    parameters: {
      path: {
        /** @description The session */
        s: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["Lexicon"];
      };
    };
    responses: {
      /** @description Own senses */
      200: {
        content: {
          "application/json": components["schemas"]["Lexicon"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSessionGenerations: {
    parameters: {
      query?: {
        /** @description Largest number of entries on the page */
        limit?: number;
        /** @description The `next_cursor` of the page before */
        cursor?: string;
      };
      path: {
        /** @description The session */
        s: string;
      };
    };
    responses: {
      /** @description One page of the lineage */
      200: {
        content: {
          "application/json": components["schemas"]["GenerationList"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSessionGenerationActivate: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The session */
        s: string;
        /** @description The generation */
        g: string;
      };
    };
    responses: {
      /** @description Lineage */
      200: {
        content: {
          "application/json": components["schemas"]["GenerationList"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSessionGenerationAdapter: {
    parameters: {
      query?: {
        /** @description `peft`: an archive that PEFT and vLLM load; `rosa2`: the file as it is stored */
        format?: "peft" | "rosa2";
      };
      path: {
        /** @description The session */
        s: string;
        /** @description The generation */
        g: string;
      };
    };
    responses: {
      /** @description The file */
      200: {
        content: {
          "application/octet-stream": string;
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getKeys: {
    parameters: {
      query?: {
        /** @description Largest number of entries on the page */
        limit?: number;
        /** @description The `next_cursor` of the page before */
        cursor?: string;
        /** @description Keys that begin so; the first twelve characters count */
        prefix?: string;
      };
    };
    responses: {
      /** @description One page of keys, without their secrets */
      200: {
        content: {
          "application/json": components["schemas"]["ApiKeyList"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postKeys: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["KeyCreate"];
      };
    };
    responses: {
      /** @description The key */
      201: {
        content: {
          "application/json": components["schemas"]["ApiKeyCreated"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  deleteKey: {
    parameters: {
      path: {
        /** @description The key's id */
        k: string;
      };
    };
    responses: {
      /** @description The revoked key */
      200: {
        content: {
          "application/json": components["schemas"]["ApiKey"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getUsage: {
    parameters: {
      query?: {
        /** @description What usage is summed by */
        group_by?: "day" | "session" | "key" | "owner";
        /** @description Your own name for one of your users */
        owner?: string;
        /** @description First day (UTC), inclusive */
        from?: string;
        /** @description Last day (UTC), inclusive */
        to?: string;
        /** @description Largest number of entries on the page */
        limit?: number;
        /** @description The `next_cursor` of the page before */
        cursor?: string;
      };
    };
    responses: {
      /** @description Usage */
      200: {
        content: {
          "application/json": components["schemas"]["UsageReport"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getBudget: {
    responses: {
      /** @description Budget */
      200: {
        content: {
          "application/json": components["schemas"]["Budget"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  putBudget: {
    requestBody: {
      content: {
        "application/json": components["schemas"]["BudgetPut"];
      };
    };
    responses: {
      /** @description Budget */
      200: {
        content: {
          "application/json": components["schemas"]["Budget"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postClientTokens: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["ClientTokenCreate"];
      };
    };
    responses: {
      /** @description The token */
      201: {
        content: {
          "application/json": components["schemas"]["ClientToken"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  deleteClientTokens: {
    parameters: {
      query: {
        /** @description Your own name for one of your users */
        owner: string;
      };
    };
    responses: {
      /** @description Whose tokens, and since when */
      200: {
        content: {
          "application/json": components["schemas"]["ClientTokensRevoked"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postClientTokensBatch: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["ClientTokenBatch"];
      };
    };
    responses: {
      /** @description The tokens, in the order asked for */
      201: {
        content: {
          "application/json": components["schemas"]["ClientTokenList"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getSigningKeys: {
    parameters: {
      query?: {
        /** @description Largest number of entries on the page */
        limit?: number;
        /** @description The `next_cursor` of the page before */
        cursor?: string;
      };
    };
    responses: {
      /** @description One page of keys */
      200: {
        content: {
          "application/json": components["schemas"]["SigningKeyList"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postSigningKeys: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["SigningKeyCreate"];
      };
    };
    responses: {
      /** @description The key, with its id */
      201: {
        content: {
          "application/json": components["schemas"]["SigningKey"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  deleteSigningKey: {
    parameters: {
      path: {
        /** @description The key's id */
        k: string;
      };
    };
    responses: {
      /** @description The revoked key */
      200: {
        content: {
          "application/json": components["schemas"]["SigningKey"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getTenant: {
    responses: {
      /** @description The tenant */
      200: {
        content: {
          "application/json": components["schemas"]["Tenant"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  deleteTenant: {
    parameters: {
      query: {
        /** @description The tenant's id, as GET /v1/tenant tells it */
        confirm: string;
      };
    };
    responses: {
      /** @description The erasure has begun */
      202: {
        content: {
          "application/json": components["schemas"]["Erasure"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getTenantLexicon: {
    responses: {
      /** @description Own senses */
      200: {
        content: {
          "application/json": components["schemas"]["Lexicon"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  putTenantLexicon: {
    requestBody: {
      content: {
        "application/json": components["schemas"]["Lexicon"];
      };
    };
    responses: {
      /** @description Own senses */
      200: {
        content: {
          "application/json": components["schemas"]["Lexicon"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getTenantAdaptation: {
    responses: {
      /** @description The settings */
      200: {
        content: {
          "application/json": components["schemas"]["TenantAdaptation"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  putTenantAdaptation: {
    requestBody: {
      content: {
        "application/json": components["schemas"]["TenantAdaptationPut"];
      };
    };
    responses: {
      /** @description The settings */
      200: {
        content: {
          "application/json": components["schemas"]["TenantAdaptation"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  getWebhooks: {
    responses: {
      /** @description All of them, oldest first */
      200: {
        content: {
          "application/json": components["schemas"]["WebhookList"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postWebhooks: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["WebhookCreate"];
      };
    };
    responses: {
      /** @description The webhook */
      201: {
        content: {
          "application/json": components["schemas"]["WebhookSecret"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  deleteWebhook: {
    parameters: {
      path: {
        /** @description The webhook */
        h: string;
      };
    };
    responses: {
      /** @description It is deleted */
      200: {
        content: {
          "application/json": components["schemas"]["WebhookDeleted"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postWebhookRotate: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The webhook */
        h: string;
      };
    };
    responses: {
      /** @description The webhook with its new secret */
      200: {
        content: {
          "application/json": components["schemas"]["WebhookSecret"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  postWebhookTest: {
    parameters: {
      header?: {
        /** @description The same key with the same request gives the same answer */
        "idempotency-key"?: string;
      };
      path: {
        /** @description The webhook */
        h: string;
      };
    };
    responses: {
      /** @description The message is on its way */
      200: {
        content: {
          "application/json": components["schemas"]["WebhookTested"];
        };
      };
      default: components["responses"]["Failure"];
    };
  };
  onAdaptationUpdated: {
    parameters: {
      header: {
        /** @description Names the message; the same when it comes again */
        "webhook-id": string;
        /** @description When this attempt was made (seconds since 1970) */
        "webhook-timestamp": string;
        /** @description `v1,` and the HMAC-SHA-256 of id, timestamp and body in base64; several with spaces between them while a secret is being replaced */
        "webhook-signature": string;
      };
    };
    requestBody: {
      content: {
        /**
         * @example {
         *       "type": "adaptation.updated",
         *       "timestamp": "2026-11-23T09:30:40.000Z",
         *       "data": {
         *         "session": "ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE",
         *         "owner": "user_4711",
         *         "feedback_id": "fb_01KAQ2VN8B1R6T3W5Z9X7K4M2P",
         *         "turn_id": "turn_01KAQ2V9M6M8YB6T1N3D5P7QRS",
         *         "generation": "gen_01KAQ2VQ4Z7YV0N5B8X2J6C3EH",
         *         "active": true,
         *         "step_norm": 1.84,
         *         "shift_norm": 1.84,
         *         "kl": 0.012,
         *         "kl_base": 0.012,
         *         "parent": "base"
         *       }
         *     }
         */
        "application/json": components["schemas"]["AdaptationUpdated"];
      };
    };
    responses: {
      /** @description It is taken; any other status, and it comes again */
      200: Record<string, never>;
    };
  };
  onAdaptationRolledBack: {
    parameters: {
      header: {
        /** @description Names the message; the same when it comes again */
        "webhook-id": string;
        /** @description When this attempt was made (seconds since 1970) */
        "webhook-timestamp": string;
        /** @description `v1,` and the HMAC-SHA-256 of id, timestamp and body in base64; several with spaces between them while a secret is being replaced */
        "webhook-signature": string;
      };
    };
    requestBody: {
      content: {
        /**
         * @example {
         *       "type": "adaptation.rolled_back",
         *       "timestamp": "2026-11-23T09:41:07.000Z",
         *       "data": {
         *         "session": "ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE",
         *         "owner": "user_4711",
         *         "feedback_id": "fb_01KAQ2VN8B1R6T3W5Z9X7K4M2P",
         *         "turn_id": "turn_01KAQ2V9M6M8YB6T1N3D5P7QRS",
         *         "from": "gen_01KAQ2VQ4Z7YV0N5B8X2J6C3EH",
         *         "to": "base",
         *         "rejections": 3
         *       }
         *     }
         */
        "application/json": components["schemas"]["AdaptationRolledBack"];
      };
    };
    responses: {
      /** @description It is taken; any other status, and it comes again */
      200: Record<string, never>;
    };
  };
  onBudgetNear: {
    parameters: {
      header: {
        /** @description Names the message; the same when it comes again */
        "webhook-id": string;
        /** @description When this attempt was made (seconds since 1970) */
        "webhook-timestamp": string;
        /** @description `v1,` and the HMAC-SHA-256 of id, timestamp and body in base64; several with spaces between them while a secret is being replaced */
        "webhook-signature": string;
      };
    };
    requestBody: {
      content: {
        /**
         * @example {
         *       "type": "budget.near",
         *       "timestamp": "2026-11-23T09:52:30.000Z",
         *       "data": {
         *         "month": "2026-11",
         *         "spent_usd": 40.02,
         *         "cap_usd": 50,
         *         "share": 0.8
         *       }
         *     }
         */
        "application/json": components["schemas"]["BudgetNear"];
      };
    };
    responses: {
      /** @description It is taken; any other status, and it comes again */
      200: Record<string, never>;
    };
  };
}

export type Adaptation = components["schemas"]["Adaptation"];
export type AdaptationRolledBack = components["schemas"]["AdaptationRolledBack"];
export type AdaptationUpdated = components["schemas"]["AdaptationUpdated"];
export type ApiKey = components["schemas"]["ApiKey"];
export type ApiKeyCreated = components["schemas"]["ApiKeyCreated"];
export type ApiKeyList = components["schemas"]["ApiKeyList"];
export type Budget = components["schemas"]["Budget"];
export type BudgetNear = components["schemas"]["BudgetNear"];
export type BudgetPut = components["schemas"]["BudgetPut"];
export type ChatCompletion = components["schemas"]["ChatCompletion"];
export type ChatCompletionRequest = components["schemas"]["ChatCompletionRequest"];
export type ClientToken = components["schemas"]["ClientToken"];
export type ClientTokenBatch = components["schemas"]["ClientTokenBatch"];
export type ClientTokenCreate = components["schemas"]["ClientTokenCreate"];
export type ClientTokenList = components["schemas"]["ClientTokenList"];
export type ClientTokensRevoked = components["schemas"]["ClientTokensRevoked"];
export type ConstraintPatch = components["schemas"]["ConstraintPatch"];
export type Cost = components["schemas"]["Cost"];
export type Erasure = components["schemas"]["Erasure"];
export type ErrorBody = components["schemas"]["Error"];
export type Feedback = components["schemas"]["Feedback"];
export type FeedbackRecord = components["schemas"]["FeedbackRecord"];
export type FeedbackResult = components["schemas"]["FeedbackResult"];
export type Fork = components["schemas"]["Fork"];
export type Generation = components["schemas"]["Generation"];
export type GenerationList = components["schemas"]["GenerationList"];
export type Health = components["schemas"]["Health"];
export type Holdout = components["schemas"]["Holdout"];
export type HoldoutArm = components["schemas"]["HoldoutArm"];
export type HoldoutDifference = components["schemas"]["HoldoutDifference"];
export type KeyCreate = components["schemas"]["KeyCreate"];
export type Lexicon = components["schemas"]["Lexicon"];
export type Model = components["schemas"]["Model"];
export type ModelList = components["schemas"]["ModelList"];
export type Reach = components["schemas"]["Reach"];
export type ReachQuestion = components["schemas"]["ReachQuestion"];
export type Response = components["schemas"]["Response"];
export type ResponseRequest = components["schemas"]["ResponseRequest"];
export type RollBack = components["schemas"]["RollBack"];
export type Session = components["schemas"]["Session"];
export type SessionCreate = components["schemas"]["SessionCreate"];
export type SessionErased = components["schemas"]["SessionErased"];
export type SessionList = components["schemas"]["SessionList"];
export type SessionPatch = components["schemas"]["SessionPatch"];
export type SessionSummary = components["schemas"]["SessionSummary"];
export type SigningKey = components["schemas"]["SigningKey"];
export type SigningKeyCreate = components["schemas"]["SigningKeyCreate"];
export type SigningKeyList = components["schemas"]["SigningKeyList"];
export type Tenant = components["schemas"]["Tenant"];
export type TenantAdaptation = components["schemas"]["TenantAdaptation"];
export type TenantAdaptationPut = components["schemas"]["TenantAdaptationPut"];
export type Turn = components["schemas"]["Turn"];
export type TurnCreate = components["schemas"]["TurnCreate"];
export type Usage = components["schemas"]["Usage"];
export type UsageReport = components["schemas"]["UsageReport"];
export type Webhook = components["schemas"]["Webhook"];
export type WebhookCreate = components["schemas"]["WebhookCreate"];
export type WebhookDeleted = components["schemas"]["WebhookDeleted"];
export type WebhookList = components["schemas"]["WebhookList"];
export type WebhookSecret = components["schemas"]["WebhookSecret"];
export type WebhookTested = components["schemas"]["WebhookTested"];
export type Weights = components["schemas"]["Weights"];
export type Words = components["schemas"]["Words"];
export type WordsState = components["schemas"]["WordsState"];

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
