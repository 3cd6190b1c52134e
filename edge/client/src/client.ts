/** The API of one deployment with one key. See `SessionClient` for conversations. */
import { ConnectionError, errorFrom } from "./errors.ts";
import { type Call, type CallOptions, type ClientOptions, Http } from "./http.ts";
import { SessionClient } from "./session.ts";
import { readSse } from "./sse.ts";
import type {
  ApiKey,
  ApiKeyCreated,
  ApiKeyList,
  Budget,
  ChatCompletion,
  ChatCompletionRequest,
  ClientToken,
  ClientTokenCreate,
  ClientTokenList,
  ClientTokensRevoked,
  Erasure,
  ErrorBody,
  Health,
  KeyCreate,
  Lexicon,
  Model,
  ModelList,
  Response as ResponseAnswer,
  ResponseRequest,
  Session,
  SessionCreate,
  SessionList,
  SessionSummary,
  SigningKey,
  SigningKeyCreate,
  SigningKeyList,
  Tenant,
  TenantAdaptation,
  TenantAdaptationPut,
  UsageReport,
  Webhook,
  WebhookCreate,
  WebhookDeleted,
  WebhookList,
  WebhookSecret,
  WebhookTested,
} from "./types.ts";

type Chat = Omit<ChatCompletionRequest, "stream">;

/** Which sessions to list, and how many per page. */
export interface SessionFilter {
  limit?: number;
  owner?: string;
  /** Only sessions with this pair of metadata, as `key:value`. */
  metadata?: string;
}

/** How usage is grouped, and of which days and owner. */
export interface UsageFilter {
  group_by?: UsageReport["group_by"];
  owner?: string;
  from?: string;
  to?: string;
  limit?: number;
}

export interface ChatOptions extends CallOptions {
  /** Answer with this session's history, words and generation. */
  session?: string;
}

/** One piece of a streamed chat completion, as OpenAI shapes it. */
export interface ChatCompletionChunk {
  id: string;
  object: "chat.completion.chunk";
  created: number;
  model: string;
  choices: {
    index: number;
    delta: {
      role?: "assistant";
      content?: string;
      /** A thinking model's thought before its reply. */
      reasoning_content?: string;
      tool_calls?: {
        index: number;
        id?: string;
        type?: "function";
        function?: { name?: string; arguments?: string };
      }[];
    };
    logprobs: unknown;
    finish_reason: "stop" | "length" | "tool_calls" | null;
  }[];
  usage?: ChatCompletion["usage"] | null;
  rosa2?: ChatCompletion["rosa2"];
}

/**
 * Makes calls. It holds no state beyond its options, so one object serves a whole app.
 *
 * Every method throws `Rosa2Error`, or the reason of the signal that aborted it.
 */
export class Rosa2 {
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
  }

  /** A session by its id; no call is made yet. */
  session(id: string): SessionClient {
    return new SessionClient(this.#http, id);
  }

  /** Opens a session and returns its client. */
  async createSession(body: SessionCreate = {}, options: CallOptions = {}): Promise<SessionClient> {
    const { id } = await this.#http.json<Session>("/v1/sessions", {
      ...options,
      method: "POST",
      body,
    });
    return this.session(id);
  }

  /** One page of sessions, newest first; `next_cursor` leads to the next. */
  listSessions(
    page: SessionFilter & { cursor?: string } = {},
    options: CallOptions = {},
  ): Promise<SessionList> {
    return this.#http.json("/v1/sessions", { ...options, query: { ...page } });
  }

  /** Every session, newest first; further pages are requested as the loop reaches them. */
  async *sessions(
    page: SessionFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<SessionSummary> {
    yield* pages((cursor) => this.listSessions({ ...page, ...cursor }, options));
  }

  /** A chat completion in OpenAI's form; without a session, from the base model without state. */
  chat(body: Chat, options: ChatOptions = {}): Promise<ChatCompletion> {
    return this.#http.json("/v1/chat/completions", chatCall(body, options));
  }

  /** The same in pieces. A lost connection is not resumed here; `SessionClient.stream` resumes. */
  async *chatStream(body: Chat, options: ChatOptions = {}): AsyncGenerator<ChatCompletionChunk> {
    const call = chatCall({ ...body, stream: true }, options);
    const response = await this.#http.events("/v1/chat/completions", call);
    for await (const { data } of readSse(response, this.#http.silenceMsMax)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data) as ChatCompletionChunk & Partial<ErrorBody>;
      if (chunk.error !== undefined) throw errorFrom(chunk.error, { status: 200 });
      yield chunk;
    }
    throw new ConnectionError("The stream ended before its end");
  }

  /** A whole answer of OpenAI's Responses API over sessions; for streams use OpenAI's own client. */
  respond(
    body: Omit<ResponseRequest, "stream">,
    options: CallOptions = {},
  ): Promise<ResponseAnswer> {
    return this.#http.json("/v1/responses", { ...options, method: "POST", body });
  }

  models(options: CallOptions = {}): Promise<ModelList> {
    return this.#http.json("/v1/models", options);
  }

  model(id: string, options: CallOptions = {}): Promise<Model> {
    return this.#http.json(`/v1/models/${encodeURIComponent(id)}`, options);
  }

  /** Whether the edge is up and the model can answer now. */
  health(options: CallOptions = {}): Promise<Health> {
    return this.#http.json("/health", options);
  }

  /** One page of usage, and under `holdout` what adaptation changes. */
  usage(
    query: UsageFilter & { cursor?: string } = {},
    options: CallOptions = {},
  ): Promise<UsageReport> {
    return this.#http.json("/v1/usage", { ...options, query: { ...query } });
  }

  /** Every day, session, key or owner, page after page. */
  async *usageGroups(
    query: UsageFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<UsageReport["data"][number]> {
    yield* pages((cursor) => this.usage({ ...query, ...cursor }, options));
  }

  budget(options: CallOptions = {}): Promise<Budget> {
    return this.#http.json("/v1/budget", options);
  }

  /** Sets this month's spend cap, or lifts it with null. */
  setBudget(capUsd: number | null, options: CallOptions = {}): Promise<Budget> {
    const body = { cap_usd: capUsd };
    return this.#http.json("/v1/budget", { ...options, method: "PUT", body });
  }

  /** Makes an API key; its text is in this answer and nowhere else. */
  createKey(body: KeyCreate, options: CallOptions = {}): Promise<ApiKeyCreated> {
    return this.#http.json("/v1/keys", { ...options, method: "POST", body });
  }

  /** One page of keys; `next_cursor` leads to the next. */
  listKeys(
    page: { limit?: number; cursor?: string } = {},
    options: CallOptions = {},
  ): Promise<ApiKeyList> {
    return this.#http.json("/v1/keys", { ...options, query: { ...page } });
  }

  /** Every key, page after page. */
  async *keys(options: CallOptions = {}): AsyncGenerator<ApiKey> {
    yield* pages((cursor) => this.listKeys(cursor, options));
  }

  revokeKey(keyId: string, options: CallOptions = {}): Promise<ApiKey> {
    const path = `/v1/keys/${encodeURIComponent(keyId)}`;
    return this.#http.json(path, { ...options, method: "DELETE" });
  }

  /** A short-lived token for one owner's phone or browser; request it on your server, never in the app. */
  createClientToken(body: ClientTokenCreate, options: CallOptions = {}): Promise<ClientToken> {
    return this.#http.json("/v1/client_tokens", { ...options, method: "POST", body });
  }

  /** Up to 100 tokens in one call, in the order of the requests. */
  async createClientTokens(
    tokens: ClientTokenCreate[],
    options: CallOptions = {},
  ): Promise<ClientToken[]> {
    const call = { ...options, method: "POST" as const, body: { tokens } };
    return (await this.#http.json<ClientTokenList>("/v1/client_tokens/batch", call)).data;
  }

  /** Revokes all tokens of an owner. */
  revokeClientTokens(owner: string, options: CallOptions = {}): Promise<ClientTokensRevoked> {
    const call = { ...options, method: "DELETE" as const, query: { owner } };
    return this.#http.json("/v1/client_tokens", call);
  }

  /** Registers a public key, so that your own back end can sign tokens. */
  createSigningKey(body: SigningKeyCreate, options: CallOptions = {}): Promise<SigningKey> {
    return this.#http.json("/v1/signing_keys", { ...options, method: "POST", body });
  }

  /** Every registered public key, page after page. */
  async *signingKeys(options: CallOptions = {}): AsyncGenerator<SigningKey> {
    yield* pages((cursor) =>
      this.#http.json<SigningKeyList>("/v1/signing_keys", { ...options, query: { ...cursor } }),
    );
  }

  revokeSigningKey(keyId: string, options: CallOptions = {}): Promise<SigningKey> {
    const path = `/v1/signing_keys/${encodeURIComponent(keyId)}`;
    return this.#http.json(path, { ...options, method: "DELETE" });
  }

  tenant(options: CallOptions = {}): Promise<Tenant> {
    return this.#http.json("/v1/tenant", options);
  }

  /** Erases everything of the tenant: sessions, adapters, keys. `confirm` is the tenant's id. */
  eraseTenant(confirm: string, options: CallOptions = {}): Promise<Erasure> {
    return this.#http.json("/v1/tenant", { ...options, method: "DELETE", query: { confirm } });
  }

  /** The tenant's own readings of ambiguous wordings, for its new sessions. */
  lexicon(options: CallOptions = {}): Promise<Lexicon> {
    return this.#http.json("/v1/tenant/lexicon", options);
  }

  setLexicon(lexicon: Lexicon, options: CallOptions = {}): Promise<Lexicon> {
    return this.#http.json("/v1/tenant/lexicon", { ...options, method: "PUT", body: lexicon });
  }

  /** The tenant's settings of adaptation for its new sessions. */
  adaptation(options: CallOptions = {}): Promise<TenantAdaptation> {
    return this.#http.json("/v1/tenant/adaptation", options);
  }

  setAdaptation(body: TenantAdaptationPut, options: CallOptions = {}): Promise<TenantAdaptation> {
    return this.#http.json("/v1/tenant/adaptation", { ...options, method: "PUT", body });
  }

  /** Registers a webhook; its secret is in this answer and nowhere else. */
  createWebhook(body: WebhookCreate, options: CallOptions = {}): Promise<WebhookSecret> {
    return this.#http.json("/v1/webhooks", { ...options, method: "POST", body });
  }

  async webhooks(options: CallOptions = {}): Promise<Webhook[]> {
    return (await this.#http.json<WebhookList>("/v1/webhooks", options)).data;
  }

  deleteWebhook(webhookId: string, options: CallOptions = {}): Promise<WebhookDeleted> {
    const path = `/v1/webhooks/${encodeURIComponent(webhookId)}`;
    return this.#http.json(path, { ...options, method: "DELETE" });
  }

  /** Makes a new secret; the old one also signs for a day. */
  rotateWebhook(webhookId: string, options: CallOptions = {}): Promise<WebhookSecret> {
    const path = `/v1/webhooks/${encodeURIComponent(webhookId)}/rotate`;
    return this.#http.json(path, { ...options, method: "POST" });
  }

  /** Posts a test message. */
  testWebhook(webhookId: string, options: CallOptions = {}): Promise<WebhookTested> {
    const path = `/v1/webhooks/${encodeURIComponent(webhookId)}/test`;
    return this.#http.json(path, { ...options, method: "POST" });
  }

  /** A call without a method of its own here, with the same key, time limits and retries. */
  request<T>(path: string, call: Call = {}): Promise<T> {
    return this.#http.json<T>(path, call);
  }
}

/** The items of page after page. */
async function* pages<T>(
  read: (cursor: { cursor?: string }) => Promise<{ data: T[]; next_cursor?: string | null }>,
): AsyncGenerator<T> {
  for (let cursor: string | null | undefined; ; ) {
    const page = await read(cursor == null ? {} : { cursor });
    yield* page.data;
    cursor = page.next_cursor;
    if (cursor == null) return;
  }
}

function chatCall(body: object, { session, ...options }: ChatOptions) {
  const headers: Record<string, string> =
    session === undefined ? {} : { "x-rosa2-session": session };
  return { ...options, method: "POST" as const, body, headers };
}
