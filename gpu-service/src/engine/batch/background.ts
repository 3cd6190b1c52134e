/** Work that runs in slices beside generation: scores and updates. Knows nothing of what a slice does. */
import type { Slices } from "../../language-model.ts";

interface Task {
  id: number;
  /** Lower runs first; tasks of one priority take turns. */
  priority: number;
  slices: Slices<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class BackgroundTasks {
  #tasks: Task[] = [];

  get length(): number {
    return this.#tasks.length;
  }

  /** Resolves with the task's result; rejects with what a slice threw or what `cancel` was given. */
  run<T>(id: number, priority: number, slices: Slices<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#tasks.push({
      id,
      priority,
      slices,
      resolve: resolve as (value: unknown) => void,
      reject,
    });
    return promise;
  }

  /** Runs one slice of the task whose turn it is. */
  async runSlice(isBusy: boolean): Promise<void> {
    const lowest = Math.min(...this.#tasks.map(({ priority }) => priority));
    const task = this.#tasks.find(({ priority }) => priority === lowest);
    if (task === undefined) return;
    this.#remove(task);
    this.#tasks.push(task); // to the back: the others go first now
    try {
      const { done, value } = await task.slices.next(isBusy);
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

  #remove(task: Task): void {
    this.#tasks = this.#tasks.filter((other) => other !== task);
  }
}
