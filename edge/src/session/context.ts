/** What the session's steps work with: the store of its own tables, and the way out to GPU, account and R2. */
import type { Purse } from "../accounts/purse/purse.ts";
import { getAdapter } from "../adapters/index.ts";
import type { Config } from "../config.ts";
import type { Env } from "../env.ts";
import type { CallContext, GpuClient } from "../gpu-client/index.ts";
import type { Trace } from "../rpc.ts";
import type { Store } from "./store/store.ts";

export interface SessionContext extends Store {
  env: Env;
  config: Config;
  gpu: GpuClient;
  /** The session's own money, and its way of telling the account what it cost. */
  purse: Purse;
  /** What all sessions of the tenant hold in adapter files, as the account said last. */
  adapterBytes: number;
  /** Replies being written right now, with what stops them. */
  replying: Map<string, AbortController>;
  /** Aborted when the session is erased: ends every call to the GPU service. */
  closing: AbortController;
  /** Writes a running turn's reply; whoever asks again meanwhile joins. */
  answer(turnId: string, trace: Trace): Promise<void>;
}

/** How a call to the GPU service is made for this session: where adapters come from, what ends it. */
export function callContext(context: SessionContext, trace: Trace): CallContext {
  return {
    ...trace,
    signal: context.closing.signal,
    loadAdapter: (digest) => getAdapter(context.env, context.tenantId, digest),
  };
}
