/**
 * The steps that a session's object takes outside itself (GPU service, D1, R2), each a place to hold it.
 *
 * What an object writes between two of them is stored together or not at all, so ending it before and after
 * each of them ends it at every place where it could be ended. The platform's own classes are patched; the
 * product knows nothing of this.
 */
import { runInDurableObject } from "cloudflare:test";
import { bindings, type Caller } from "../../edge/support/client.ts";

export type When = "before" | "after";

/** SQL that sessions send to D1, and what it is for; anything else is the Worker's own. */
const statements: readonly [RegExp, string][] = [
  [/INSERT INTO reservations/, "reserve money"],
  [/^DELETE FROM reservations/, "release money"],
  [/INSERT INTO adapter_refs/, "hold adapter"],
  [/SELECT adapter_bytes/, "look for room"],
  [/INTO usage_events/, "record usage"],
  [/UPDATE session_index/, "write index"],
];

function nameOf(sql: string): string | undefined {
  return statements.find(([pattern]) => pattern.test(sql))?.[1];
}

const never = new Promise<never>(() => {});

class Steps {
  /** Names of the steps taken since `hold` was called last. */
  taken: string[] = [];
  /** Where the object stands still, if it does. */
  held: string | null = null;
  #stop: { index: number; when: When } | null = null;

  /** Lets the object go on until this many more steps are taken, then holds it. */
  hold(index: number, when: When): void {
    this.taken = [];
    this.held = null;
    this.#stop = { index, when };
  }

  open(): void {
    this.held = null;
    this.#stop = null;
  }

  async take<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    const index = this.taken.push(name) - 1;
    await this.#maybeHold(index, name, "before");
    const result = await work();
    await this.#maybeHold(index, name, "after");
    return result;
  }

  async #maybeHold(index: number, name: string, when: When): Promise<void> {
    if (this.#stop?.index !== index || this.#stop.when !== when) return;
    this.#stop = null;
    this.held = `${when} ${name}`;
    await never;
  }
}

/** Patches the platform's calls, for the life of the worker; while nothing is held they pass. */
export function watchSteps(): Steps {
  const steps = new Steps();
  watchDatabase(steps);
  watchFiles(steps);
  watchGpu(steps);
  return steps;
}

type Method = (...args: unknown[]) => unknown;
type Patchable = Record<string, Method>;

function watchDatabase(steps: Steps): void {
  const sqlOf = new WeakMap<object, string>();
  const database = Object.getPrototypeOf(bindings.DB) as Patchable;
  const statement = Object.getPrototypeOf(bindings.DB.prepare("SELECT 1")) as Patchable;
  const { prepare, batch } = database as { prepare: Method; batch: Method };
  const { bind } = statement as { bind: Method };
  database.prepare = function (this: unknown, ...args) {
    const made = prepare.apply(this, args) as object;
    sqlOf.set(made, (args[0] as string).trim());
    return made;
  };
  statement.bind = function (this: object, ...args) {
    const bound = bind.apply(this, args) as object;
    sqlOf.set(bound, sqlOf.get(this) ?? "");
    return bound;
  };
  for (const method of ["run", "first", "all"]) {
    const original = statement[method] as Method;
    statement[method] = function (this: object, ...args) {
      const name = nameOf(sqlOf.get(this) ?? "");
      const work = () => original.apply(this, args);
      return name === undefined ? work() : steps.take(name, work);
    };
  }
  database.batch = function (this: unknown, ...args) {
    const names = (args[0] as object[]).map((one) => nameOf(sqlOf.get(one) ?? ""));
    const name = names.find((one) => one !== undefined && one !== "release money");
    const work = () => batch.apply(this, args);
    return name === undefined ? work() : steps.take(name, work);
  };
}

function watchFiles(steps: Steps): void {
  const bucket = Object.getPrototypeOf(bindings.ADAPTERS) as Patchable;
  const put = bucket.put as Method;
  bucket.put = function (this: unknown, ...args) {
    return steps.take("put file", () => put.apply(this, args));
  };
}

function watchGpu(steps: Steps): void {
  const original = globalThis.fetch;
  globalThis.fetch = (async (input: RequestInfo, init?: RequestInit) => {
    const url = String(input instanceof Request ? input.url : input);
    if (!url.startsWith(`${bindings.GPU_URL}/v1/`)) return original(input, init);
    const verb = url.slice(url.lastIndexOf("/") + 1);
    const response = await steps.take(verb, () => original(input, init));
    if (verb !== "generate" || response.body === null) return response;
    const parts = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => steps.take("read reply", () => controller.enqueue(chunk)),
    });
    return new Response(response.body.pipeThrough(parts), response);
  }) as typeof fetch;
}

function stubOf(caller: Caller, sessionId: string): DurableObjectStub {
  const stub = bindings.SESSIONS.getByName(`${caller.tenantId}/${sessionId}`);
  return stub as unknown as DurableObjectStub;
}

/** Ends the object as a crash does: memory gone, storage kept. */
export async function crash(caller: Caller, sessionId: string): Promise<void> {
  await runInDurableObject(stubOf(caller, sessionId), (_, state) => {
    state.abort("crash");
  }).catch(() => {});
}

/** Lets time pass until the session has nothing left to do: what waits for its next try is tried now. */
export async function untilIdle(caller: Caller, sessionId: string): Promise<void> {
  const until = Date.now() + 30_000;
  for (;;) {
    const left = await runInDurableObject(stubOf(caller, sessionId), async (_, state) => {
      const { sql } = state.storage;
      const jobs = sql.exec("SELECT id FROM outbox WHERE kind <> 'prune'").toArray();
      const failed = "attempts > 0 AND kind <> 'prune'";
      if (sql.exec(`UPDATE outbox SET due_at = 0 WHERE due_at > 0 AND ${failed}`).rowsWritten > 0) {
        await state.storage.setAlarm(Date.now());
      }
      return jobs.map(({ id }) => String(id));
    }).catch((error) => [String(error)]);
    if (left.length === 0) return;
    if (Date.now() > until) throw new Error(`Still to do: ${left.join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
