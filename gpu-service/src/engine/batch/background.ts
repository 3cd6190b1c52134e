/** Work that runs in slices beside generation: scores and updates. Knows nothing of what a slice does. */
import type { Slices } from "../../language-model.ts";

export interface BackgroundWork {
  id: number;
  tenant: string;
  /** Of one tenant's work the lower runs first; tasks of one priority take turns. */
  priority: number;
}

interface Task extends BackgroundWork {
  slices: Slices<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class BackgroundTasks {
  readonly #now: () => number;
  #tasks: Task[] = [];
  /** Time that slices have taken, of each tenant that has tasks. */
  readonly #usedMs = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get length(): number {
    return this.#tasks.length;
  }

  /** Resolves with the task's result; rejects with what a slice threw or what `cancel` was given. */
  run<T>(work: BackgroundWork, slices: Slices<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // Who comes anew has no claim to the time before.
    const used = [...this.#usedMs.values()];
    if (!this.#usedMs.has(work.tenant))
      this.#usedMs.set(work.tenant, used.length === 0 ? 0 : Math.min(...used));
    this.#tasks.push({ ...work, slices, resolve: resolve as (value: unknown) => void, reject });
    return promise;
  }

  get tenants(): ReadonlySet<string> {
    return new Set(this.#tasks.map(({ tenant }) => tenant));
  }

  /**
   * Runs one slice of the tenant that has had the least time, so that each of n tenants has its n-th part however
   * much work the others bring. Tenants that are `replying` have time beside slices: theirs counts twice.
   */
  async runSlice(replying: ReadonlySet<string>): Promise<void> {
    const task = this.#next();
    if (task === undefined) return;
    this.#tasks = this.#tasks.filter((other) => other !== task);
    this.#tasks.push(task); // to the back: the tenant's others go first now
    const startedAt = this.#now();
    try {
      const { done, value } = await task.slices.next(replying.size > 0);
      this.#charge(task, startedAt, replying.has(task.tenant) ? 2 : 1);
      if (!done) return;
      this.#remove(task);
      task.resolve(value);
    } catch (error) {
      this.#remove(task);
      task.reject(error);
    }
  }

  /** Drops a task between two slices; false when there is none with this id. */
  cancel(id: number, reason: Error): boolean {
    const task = this.#tasks.find((candidate) => candidate.id === id);
    if (task === undefined) return false;
    this.#remove(task);
    task.reject(reason);
    // `finally` blocks run; an error in them has no caller left.
    task.slices.return(undefined).catch(() => {});
    return true;
  }

  cancelAll(reason: Error): void {
    for (const { id } of [...this.#tasks]) this.cancel(id, reason);
  }

  #next(): Task | undefined {
    let best: Task | undefined;
    const used = ({ tenant }: Task) => this.#usedMs.get(tenant) ?? 0;
    for (const task of this.#tasks) {
      const isBetter =
        best === undefined ||
        used(task) < used(best) ||
        (task.tenant === best.tenant && task.priority < best.priority);
      if (isBetter) best = task;
    }
    return best;
  }

  #charge({ tenant }: Task, startedAt: number, times: number): void {
    const used = this.#usedMs.get(tenant);
    if (used !== undefined) this.#usedMs.set(tenant, used + times * (this.#now() - startedAt));
  }

  #remove(task: Task): void {
    this.#tasks = this.#tasks.filter((other) => other !== task);
    if (!this.#tasks.some(({ tenant }) => tenant === task.tenant)) this.#usedMs.delete(task.tenant);
  }
}
