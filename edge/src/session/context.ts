/** What the session's steps work with: the store of its own tables, and the way out to GPU, account and R2. */
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
  /** The session's own money, and its way of telling the account what it cost. */
  purse: Purse;
  /** What all sessions of the tenant hold in adapter files, as the account said last. */
  adapterBytes: number;
  /** Whether the tenant waits to be told of updates; assumed until the account has said. */
  hasWebhooks: boolean;
  /** When turns were refused by the service, within the last while. */
  refusedAt: number[];
  /** Replies being written right now, with what stops them. */
  replying: Map<string, AbortController>;
  /** Aborted when the session is erased: ends every call to the GPU service. */
  closing: AbortController;
  /** Writes a running turn's reply; whoever asks again meanwhile joins. */
  answer(turnId: string, trace: Trace): Promise<void>;
}

/** Who calls: a tenant's server, or one owner. */
export interface Caller {
  tenantId: string;
  /** Null for a server key that acts for nobody: it sees every owner's sessions. */
  owner: string | null;
  /** What a client token says of its owner's monthly cap, null none; undefined: nothing is said. */
  capNanos?: number | null;
}

/** A session as it is opened. */
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

/** Whether there is a session. Asking for one that does not exist must not write: an object without rows costs nothing. */
export function hasTables({ sql }: DurableObjectStorage): boolean {
  const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'session'");
  return tables.toArray().length > 0;
}

/** A session's context over its storage. `identity` is who the session is, null as long as it is not open. */
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

/** How a call to the GPU service is made for this session: where adapters come from, what ends it. */
export function callContext(context: SessionContext, trace: Trace): CallContext {
  return {
    ...trace,
    signal: context.closing.signal,
    loadAdapter: (digest) => getAdapter(context.env, context.tenantId, digest),
  };
}

/**
 * What stores anything more asks first whether there is room.
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
