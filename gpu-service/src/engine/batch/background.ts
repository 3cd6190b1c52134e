/** Work that runs in slices beside generation: scores and updates. It does not know what a slice does. */
import type { Slices } from "../../language-model.ts";
import type { TenantShares } from "./tenant-shares.ts";

export interface BackgroundWork {
  id: number;
  tenant: string;
  /** Of one tenant's work the lower number runs first; tasks of equal priority alternate. */
  priority: number;
}

interface Task extends BackgroundWork {
  slices: Slices<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class BackgroundTasks {
  readonly #shares: TenantShares;
  readonly #now: () => number;
  #tasks: Task[] = [];

  constructor(shares: TenantShares, now: () => number) {
    this.#shares = shares;
    this.#now = now;
  }

  get length(): number {
    return this.#tasks.length;
  }

  /** Resolves with the task's result; rejects with a slice's error or the reason given to `cancel`. */
  run<T>(work: BackgroundWork, slices: Slices<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#tasks.push({ ...work, slices, resolve: resolve as (value: unknown) => void, reject });
    return promise;
  }

  get tenants(): ReadonlySet<string> {
    return new Set(this.#tasks.map(({ tenant }) => tenant));
  }

  /**
   * Runs one slice of the tenant that is owed most among the favoured ones, and charges it. `isWaitedFor`: sequences
   * wait for its end.
   */
  async runSlice(favoured: ReadonlySet<string>, isWaitedFor: boolean): Promise<void> {
    const task = this.#next(favoured);
    if (task === undefined) return;
    this.#tasks = this.#tasks.filter((other) => other !== task);
    this.#tasks.push(task); // to the back: the tenant's others go first now
    const startedAt = this.#now();
    try {
      const { done, value } = await task.slices.next(isWaitedFor);
      this.#shares.charge(task.tenant, this.#now() - startedAt);
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

  #next(favoured: ReadonlySet<string>): Task | undefined {
    let best: Task | undefined;
    const owed = ({ tenant }: Task) => this.#shares.owed(tenant);
    for (const task of this.#tasks) {
      if (!favoured.has(task.tenant)) continue;
      const isBetter =
        best === undefined ||
        (task.tenant === best.tenant ? task.priority < best.priority : owed(task) > owed(best));
      if (isBetter) best = task;
    }
    return best;
  }

  #remove(task: Task): void {
    this.#tasks = this.#tasks.filter((other) => other !== task);
  }
}
