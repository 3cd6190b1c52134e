/** The context of a session's steps: the store of its own tables, and the way to GPU, account and R2. */
import { RosaError } from "@rosa2/shared/errors";
import { drizzle } from "drizzle-orm/durable-sqlite";
import { accountOf } from "../accounts/account.ts";
import { Purse } from "../accounts/purse/purse.ts";
import { getAdapter } from "../adapters/index.ts";
import { type Config, configOf, spareNanos } from "../config.ts";
import type { ContextPolicy, Metadata, Mode, OwnLexicon, RewriterName } from "../contract/index.ts";
import type { Arm, Effort, Region } from "../contract/sets.ts";
import type { Env } from "../env.ts";
import { type CallContext, type Inference, inferenceOf } from "../inference/index.ts";
import type { Trace } from "../rpc.ts";
import { EventLog } from "./store/event-log.ts";
import { noteReport } from "./store/meter.ts";
import { Outbox } from "./store/outbox.ts";
import type { Store } from "./store/rows.ts";
import { session } from "./store/schema.ts";
import { indexRow } from "./store/views.ts";

export interface SessionContext extends Store {
  env: Env;
  config: Config;
  readonly gpu: Inference;
  /** The session's own money, and its reports to the account. */
  purse: Purse;
  /** Bytes of adapter files of all the tenant's sessions, as the account last reported. */
  adapterBytes: number;
  /** Whether a webhook subscribes to updates; assumed until the account has reported. */
  hasWebhooks: boolean;
  /** Times of recent turns that the service refused. */
  refusedAt: number[];
  /** Replies being written, with the controller that stops each. */
  replying: Map<string, AbortController>;
  /** Aborted when the session is erased; ends every call to the GPU service. */
  closing: AbortController;
  /** Writes a running turn's reply; a second call meanwhile joins the first. */
  answer(turnId: string, trace: Trace): Promise<void>;
}

/** The caller: a tenant's server, or one owner. */
export interface Caller {
  tenantId: string;
  /** Null for a server key that acts for no owner: it sees every owner's sessions. */
  owner: string | null;
  /** The owner's monthly cap in a client token, null for none; undefined if there is no token. */
  capNanos?: number | null;
}

export interface NewSession {
  id: string;
  tenantId: string;
  owner: string | null;
  region: Region | null;
  title: string | null;
  metadata: Metadata;
  instructions: string | null;
  mode: Mode;
  context: ContextPolicy;
  rewriter: RewriterName | null;
  reasoningEffort: Effort | null;
  lexicon: OwnLexicon;
  arm: Arm | null;
  rollBackAfter: number | null;
  expiresAt: number | null;
}

export interface Identity extends Pick<Store, "sessionId" | "tenantId" | "owner"> {
  region: Region | null;
}

export const identityColumns = {
  sessionId: session.id,
  tenantId: session.tenantId,
  owner: session.owner,
  region: session.region,
};

/** Whether the session exists. Asking must not write: an object without rows costs nothing. */
export function hasTables({ sql }: DurableObjectStorage): boolean {
  const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'session'");
  return tables.toArray().length > 0;
}

/** A session's context over its storage. `identity` returns the session's identity, null until it is open. */
export function openContext(
  storage: DurableObjectStorage,
  env: Env,
  identity: () => Identity | null,
  { answer }: Pick<SessionContext, "answer">,
): SessionContext {
  const config = configOf(env);
  const db = drizzle(storage, { logger: false });
  const known = () => {
    const who = identity();
    if (who === null) throw new RosaError("not_found", "No such session");
    return who;
  };
  let gpu: Inference | null = null;
  const now = () => Date.now();
  const transaction = (work: () => void) => storage.transactionSync(work);
  const context: SessionContext = {
    get sessionId() {
      return known().sessionId;
    },
    get tenantId() {
      return known().tenantId;
    },
    get owner() {
      return known().owner;
    },
    env,
    config,
    get gpu() {
      gpu ??= inferenceOf(env, known().region);
      return gpu;
    },
    meteringMs: config.meteringMs,
    adapterBytes: 0,
    hasWebhooks: true,
    purse: new Purse({
      db,
      holder: () => context.sessionId,
      owner: () => context.owner,
      send: (message) =>
        accountOf(env, context.tenantId).exchange(context.tenantId, message, indexRow(context)),
      onLease: ({ adapterBytes, hasWebhooks }) => {
        context.adapterBytes = adapterBytes;
        context.hasWebhooks = hasWebhooks;
      },
      spareNanos: spareNanos(config),
      now,
      transaction,
      remind: (soon) => noteReport(context, soon),
    }),
    db,
    log: new EventLog(db),
    outbox: new Outbox(db),
    storedBytes: () => storage.sql.databaseSize,
    refusedAt: [],
    replying: new Map(),
    closing: new AbortController(),
    answer,
    now,
    transaction,
  };
  return context;
}

/** The context of a call to the GPU service for this session: how adapters are loaded, and what ends the call. */
export function callContext(context: SessionContext, trace: Trace): CallContext {
  return {
    ...trace,
    signal: context.closing.signal,
    loadAdapter: (digest) => getAdapter(context.env, context.tenantId, digest),
  };
}

/**
 * Checks for room before anything more is stored.
 *
 * @throws RosaError `session_full`.
 */
export function refuseWhenFull({ config, storedBytes }: SessionContext): void {
  const stored = storedBytes();
  if (stored < config.sessionBytesMax) return;
  throw new RosaError(
    "session_full",
    `The session stores ${stored} bytes, and ${config.sessionBytesMax} are allowed; fork it at an earlier turn, or open another`,
  );
}
