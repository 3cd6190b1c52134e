import { describe, expect, it } from "vitest";
import { FairQueue } from "../../../gpu-service/src/engine/batch/fair-queue.ts";

interface Item {
  tenant: string;
  session: string;
  name: string;
}

function queueOf(names: string[]): FairQueue<Item> {
  const queue = new FairQueue<Item>();
  // "a1x" is tenant a, session 1, request x.
  for (const name of names) queue.add({ tenant: name[0]!, session: name[1]!, name });
  return queue;
}

/** Order in which all are served when `places` run at a time and the oldest ends first. */
function serveAll(queue: FairQueue<Item>, places: number): string[] {
  const order: string[] = [];
  const running: Item[] = [];
  for (;;) {
    if (running.length === places) queue.release(running.shift()!);
    const item = queue.takeNext();
    if (item === undefined) return order;
    order.push(item.name);
    running.push(item);
  }
}

describe("FairQueue", () => {
  it("serves in order of arrival when all come from one session", () => {
    expect(serveAll(queueOf(["a1x", "a1y", "a1z"]), 1)).toEqual(["a1x", "a1y", "a1z"]);
  });

  it("lets a tenant with one request pass another's backlog, with one place as with several", () => {
    const names = ["a1u", "a1v", "a1w", "a1x", "b1x"];
    expect(serveAll(queueOf(names), 1)[1]).toBe("b1x");
    expect(serveAll(queueOf(names), 3)[1]).toBe("b1x");
  });

  it("takes turns between the sessions of a tenant", () => {
    const names = ["a1x", "a1y", "a1z", "a2x", "a2y", "a3x"];
    expect(serveAll(queueOf(names), 1)).toEqual(["a1x", "a2x", "a3x", "a1y", "a2y", "a1z"]);
  });

  it("does not make a tenant wait for having many sessions", () => {
    const names = ["a1x", "a2x", "a3x", "a4x", "b1x", "b1y"];
    const order = serveAll(queueOf(names), 1);
    expect(order.slice(0, 4)).toEqual(["a1x", "b1x", "a2x", "b1y"]);
  });

  it("drops a waiting item", () => {
    const queue = queueOf(["a1x", "a1y"]);
    const item = queue.find(({ name }) => name === "a1x")!;
    expect(queue.remove(item)).toBe(true);
    expect(queue.remove(item)).toBe(false);
    expect(serveAll(queue, 1)).toEqual(["a1y"]);
  });
});
