/**
 * The edge's Worker in a world where every call that leaves the region is late: D1, R2, the account, a GPU service
 * elsewhere, and the first access to an object by name. The platform's own classes are patched; the product knows
 * nothing of this.
 *
 * `POST /v1/__late?ms=150&far=<URL>` sets the delay and the GPU service that is elsewhere; it answers the number of
 * such calls since its last use. `POST /v1/__spent` answers the times of calls to the GPU service.
 */
import type { Env } from "../../../edge/src/env.ts";
import worker from "../../../edge/src/index.ts";

export { AccountObject, RegionObject, SessionObject } from "../../../edge/src/index.ts";

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Patchable = Record<string, Method | undefined>;

let lateMs = 0;
const none = { d1: 0, r2: 0, account: 0, named: 0, gpu: 0 };
let counts = { ...none };
let far = "nowhere";
/** GPU calls and their milliseconds to the answer's first byte, since they were asked for last. */
let spent = { calls: 0, ms: 0 };
const met = new Set<string>();
let isPatched = false;

async function late(kind: keyof typeof counts): Promise<void> {
  counts[kind]++;
  if (lateMs > 0) await new Promise((resolve) => setTimeout(resolve, lateMs));
}

function delay(of: object, names: string[], kind: keyof typeof counts): void {
  const target = Object.getPrototypeOf(of) as Patchable;
  for (const name of names) {
    const method = target[name];
    if (method === undefined) continue;
    target[name] = async function (...args) {
      await late(kind);
      return method.apply(this, args);
    };
  }
}

/** A stub whose calls are late: all of an account's, the first to any other name. */
function lateStub(stub: object, name: string): object {
  const isAccount = !name.includes("/") || name.includes("/answers/");
  const calls = stub as Patchable;
  return new Proxy(stub, {
    get:
      (_, method) =>
      async (...args: unknown[]) => {
        if (isAccount) await late("account");
        else if (!met.has(name)) await late("named");
        met.add(name);
        return await calls[String(method)]?.(...args);
      },
  });
}

function patch(env: Env): void {
  if (isPatched) return;
  isPatched = true;
  delay(env.DB.prepare("SELECT 1"), ["all", "first", "run", "raw"], "d1");
  delay(env.DB, ["batch"], "d1");
  delay(env.DB.withSession(), ["batch"], "d1");
  delay(env.ADAPTERS, ["get", "put", "delete", "list", "head"], "r2");
  const reach = globalThis.fetch;
  globalThis.fetch = async (...args: Parameters<typeof fetch>) => {
    if (String(args[0]).startsWith(far)) await late("gpu");
    const startedAt = performance.now();
    const answer = await reach(...args);
    if (String(args[0]).endsWith("/v1/generate")) {
      spent.calls++;
      spent.ms += performance.now() - startedAt;
    }
    return answer;
  };
  const namespace = Object.getPrototypeOf(env.ACCOUNTS) as { getByName: Method };
  const { getByName } = namespace;
  namespace.getByName = function (...args) {
    return lateStub(getByName.apply(this, args) as object, String(args[0]));
  };
}

export default {
  fetch(request, env, ctx) {
    patch(env);
    const url = new URL(request.url);
    if (url.pathname === "/v1/__spent") {
      const answer = Response.json(spent);
      spent = { calls: 0, ms: 0 };
      return answer;
    }
    if (url.pathname !== "/v1/__late") return worker.fetch(request, env, ctx);
    far = url.searchParams.get("far") ?? far;
    lateMs = Number(url.searchParams.get("ms") ?? lateMs);
    const before = counts;
    counts = { ...none };
    return Response.json(before);
  },
} satisfies ExportedHandler<Env>;
