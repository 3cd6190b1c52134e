/**
 * The steps that a session's object takes outside itself (GPU service, account, R2). At each of them the object can be
 * held.
 *
 * What an object writes between two steps is stored together or not at all. So ending it before and after each step
 * covers every place where it can end. The platform's own classes are patched; the product knows nothing of this.
 */
import { runInDurableObject } from "cloudflare:test";
import { sessionStub } from "../../../edge/src/session-address.ts";
import { accountStub } from "../../edge/support/account.ts";
import { bindings, type Caller } from "../../edge/support/client.ts";

export type When = "before" | "after";

/** A session's calls on its tenant's account, with the purpose of each. */
const accountCalls: Record<string, string> = {
  exchange: "tell account",
  holdAdapter: "hold adapter",
  openSession: "enter session",
  shareAdapters: "share adapters",
};

/** Calls on the home of an Idempotency-Key, which may be the account, and on the purse of stateless calls. */
const answerCalls: Record<string, string> = {
  claimAnswer: "claim key",
  keepAlive: "say alive",
  saveAnswer: "save answer",
  dropClaim: "drop claim",
};
const purseCalls: Record<string, string> = {
  reserve: "reserve",
  release: "release",
  settleOnce: "settle",
};

/** Calls on a session's object that a request makes. */
const sessionCalls: Record<string, string> = { open: "open session", turnStream: "begin turn" };

/** One step that a session took: its number among all steps, and among those of its name. */
export interface Step {
  index: number;
  name: string;
  nth: number;
}

/** The steps of one session. */
export class Steps {
  /** Steps taken since the last `hold`. */
  taken: Step[] = [];
  /** The step at which the object is held, if it is. */
  held: string | null = null;
  #stop: { at: (step: Step) => boolean; when: When } | null = null;
  /** Holds are numbered; those up to this number may go on. */
  #holds = 0;
  #released = 0;
  /** What identifies the calls that took a step so far, and those of them that have died. */
  readonly #names = new Set<string>();
  readonly #dead = new Set<string>();

  /** Lets the object go on until it takes such a step, counted from now on, then holds it there. */
  hold(at: (step: Step) => boolean, when: When): void {
    this.taken = [];
    this.held = null;
    this.#stop = { at, when };
  }

  open(): void {
    this.held = null;
    this.#stop = null;
  }

  /** Lets a held object take its step after all. */
  goOn(): void {
    this.held = null;
    this.#released = this.#holds;
  }

  /** The calls so far end where they are, as if their isolate had ended: they take no more steps. */
  die(): void {
    this.held = null;
    for (const name of this.#names) this.#dead.add(name);
  }

  async take<T>(name: string, subject: string, work: () => T | Promise<T>): Promise<T> {
    // These steps belong to the objects, whatever happened to the call.
    if (name !== "settle" && name !== "tell account") await this.#mayLive(subject);
    const nth = this.taken.filter((one) => one.name === name).length;
    const step = { index: this.taken.length, name, nth };
    this.taken.push(step);
    await this.#maybeHold(step, "before");
    const result = await work();
    await this.#maybeHold(step, "after");
    return result;
  }

  async #mayLive(subject: string): Promise<void> {
    for (const name of this.#dead) if (subject.includes(name)) await new Promise(() => {});
    for (const [, name = ""] of subject.matchAll(/"(?:token|eventId)":"([^"]+)"/g))
      this.#names.add(name);
  }

  async #maybeHold(step: Step, when: When): Promise<void> {
    if (this.#stop?.when !== when || !this.#stop.at(step)) return;
    this.#stop = null;
    this.held = `${when} ${step.name}`;
    // Polled: code that waits for a promise of another object would continue in that object's context.
    const hold = ++this.#holds;
    while (this.#released < hold) {
      await lookAgain();
    }
  }
}

/** Calls `act` whenever an object is held, until it is ended. Gives the last place where an object was held, or null. */
export function actWhereHeld(
  steps: Steps,
  act: (held: string) => Promise<void>,
): { readonly held: string | null; end(): Promise<string | null> } {
  let last: string | null = null;
  let isOver = false;
  const acting = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (steps.held === null) continue;
      last = steps.held;
      await act(last);
    }
  })();
  return {
    get held() {
      return last;
    },
    async end() {
      isOver = true;
      await acting;
      return last;
    },
  };
}

/**
 * Milliseconds to the next look at what another object does. Shorter pauses would make the looks most of a schedule's
 * work.
 */
export function lookAgain(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 12));
}

/** Tells the steps of sessions apart by the ids in their calls. Calls of other sessions pass unwatched. */
class Watch {
  #watched: { ids: readonly string[]; steps: Steps }[] = [];
  /** Objects of sessions, each with what identifies the call that opened it. */
  readonly #opened: [stub: unknown, subject: string][] = [];

  noteSession(stub: unknown, subject: string): void {
    this.#opened.push([stub, subject]);
  }

  /** Sessions' objects that were opened in the name of a tenant, since `watchSessions`. */
  sessionsOf(tenantId: string): DurableObjectStub[] {
    const found = this.#opened.filter(([, subject]) => subject.includes(tenantId));
    return found.map(([stub]) => stub as DurableObjectStub);
  }

  /** The steps of a tenant's only session. */
  of(...ids: string[]): Steps {
    const steps = new Steps();
    this.#watched.push({ ids, steps });
    return steps;
  }

  /** Watches a session no longer. */
  leave(steps: Steps): void {
    this.#watched = this.#watched.filter((one) => one.steps !== steps);
  }

  take<T>(name: string, subject: string, work: () => T | Promise<T>): T | Promise<T> {
    const watched = this.#watched.find(({ ids }) => ids.some((id) => subject.includes(id)));
    return watched === undefined ? work() : watched.steps.take(name, subject, work);
  }
}

/** Patches the platform's calls, for the life of the worker. */
export function watchSteps(): Watch {
  const watch = new Watch();
  watchAccount(watch);
  watchFiles(watch);
  watchGpu(watch);
  return watch;
}

type Method = (...args: unknown[]) => unknown;
type Patchable = Record<string, Method>;

function watchAccount(watch: Watch): void {
  const namespace = Object.getPrototypeOf(bindings.ACCOUNTS) as Patchable;
  const getByName = namespace.getByName as Method;
  namespace.getByName = function (this: unknown, ...args) {
    const stub = getByName.apply(this, args) as Patchable;
    // All namespaces share this method; an account is named by its tenant alone.
    const called = String(args[0]);
    const named = called.includes("/answers/")
      ? answerCalls
      : called.includes("/")
        ? purseCalls
        : { ...accountCalls, ...answerCalls };
    return new Proxy(stub, {
      get(target, property) {
        const method = property as string;
        const name = named[method];
        if (name === undefined) return target[method];
        // Called on the stub itself, because a stub's property is no ordinary function.
        return (...given: unknown[]) =>
          watch.take(name, JSON.stringify(given), () => target[method]?.(...given));
      },
    });
  };
}

/**
 * Watches the calls on sessions' objects as well, by which a request opens a session and begins a turn. Returns a
 * function that ends this watch. Meanwhile stubs are wrapped, and the tests of all files share one worker.
 */
export function watchSessions(watch: Watch): () => void {
  const namespace = Object.getPrototypeOf(bindings.SESSIONS) as Patchable;
  const get = namespace.get as Method;
  namespace.get = function (this: unknown, ...args) {
    const stub = get.apply(this, args) as Patchable;
    // All namespaces share this method; a session's object alone has no name.
    if (stub.name !== undefined) return stub;
    return new Proxy(stub, {
      get(target, property) {
        const method = property as string;
        const name = sessionCalls[method];
        if (name === undefined) return target[method];
        return (...given: unknown[]) => {
          const subject = JSON.stringify(given);
          if (method === "open") watch.noteSession(target, subject);
          return watch.take(name, subject, () => target[method]?.(...given));
        };
      },
    });
  };
  return () => {
    namespace.get = get;
  };
}

function watchFiles(watch: Watch): void {
  const bucket = Object.getPrototypeOf(bindings.ADAPTERS) as Patchable;
  const put = bucket.put as Method;
  bucket.put = function (this: unknown, ...args) {
    return watch.take("put file", String(args[0]), () => put.apply(this, args));
  };
}

function watchGpu(watch: Watch): void {
  const original = globalThis.fetch;
  globalThis.fetch = (async (input: RequestInfo, init?: RequestInit) => {
    const url = String(input instanceof Request ? input.url : input);
    if (!url.startsWith(`${bindings.GPU_URL}/v1/`)) return original(input, init);
    const verb = url.slice(url.lastIndexOf("/") + 1);
    const subject = await subjectOf(init?.body);
    const response = await watch.take(verb, subject, () => original(input, init));
    if (verb !== "generate" || response.body === null) return response;
    const parts = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) =>
        watch.take("read reply", subject, () => controller.enqueue(chunk)),
    });
    return new Response(response.body.pipeThrough(parts), response);
  }) as typeof fetch;
}

/** The part of a call's body that names the tenant. */
async function subjectOf(body: unknown): Promise<string> {
  if (!(body instanceof FormData)) return String(body);
  const part = body.get("request");
  return part instanceof Blob ? await part.text() : String(part);
}

/** Ends the object as a crash does: memory gone, storage kept. */
export async function crash(sessionId: string): Promise<void> {
  await runInDurableObject(sessionStub(bindings, sessionId), (_, state) => {
    state.abort("crash");
  }).catch(() => {});
}

/** Ends the account's object in the same way. */
export async function crashAccount(caller: Caller): Promise<void> {
  const stub = accountStub(caller.tenantId);
  await runInDurableObject(stub, (_, state) => {
    state.abort("crash");
  }).catch(() => {});
}

/** When the alarm rings that continues unfinished replies and feedback, and when each of them is due. */
export async function alarmOf(
  sessionId: string,
): Promise<{ dueAt: number | null; ringsAt: number | null }> {
  return runInDurableObject(sessionStub(bindings, sessionId), async (_, state) => {
    const { dueAt } = state.storage.sql
      // Jobs that `untilIdle` made due do not follow the object's own times.
      .exec(
        "SELECT min(due_at) AS dueAt FROM outbox WHERE kind IN ('reply', 'feedback') AND due_at > 0",
      )
      .one();
    return { dueAt: dueAt as number | null, ringsAt: await state.storage.getAlarm() };
  });
}

/** Lets time pass until the session has nothing left to do. Work that waits for its next try is tried now. */
export async function untilIdle(sessionId: string): Promise<void> {
  const until = Date.now() + 120_000;
  for (;;) {
    const left = await runInDurableObject(sessionStub(bindings, sessionId), async (_, state) => {
      const { sql } = state.storage;
      const jobs = sql.exec("SELECT id FROM outbox WHERE kind <> 'prune'").toArray();
      const failed = "attempts > 0 AND kind <> 'prune'";
      // A file is given up only when no work is under way that could need it.
      const unused =
        "kind = 'file' AND NOT EXISTS (SELECT 1 FROM outbox WHERE kind IN ('reply', 'feedback'))";
      const waiting = `due_at > 0 AND ((${failed}) OR (${unused}))`;
      if (sql.exec(`UPDATE outbox SET due_at = 0 WHERE ${waiting}`).rowsWritten > 0) {
        await state.storage.setAlarm(Date.now());
      }
      return jobs.map(({ id }) => String(id));
    }).catch((error) => [String(error)]);
    if (left.length === 0) return;
    if (Date.now() > until) throw new Error(`Still to do: ${left.join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
