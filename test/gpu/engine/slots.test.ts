import { pick, randomInt, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { cacheKey, type Slot, SlotTable } from "../../../gpu-service/src/engine/batch/slots.ts";

/** A cache that remembers which token each position holds keys and values of. */
function recordingCache(slots: number, tokensMax = 64) {
  const content = Array.from({ length: slots }, () => new Array<number>(tokensMax).fill(-1));
  const cache = {
    slots,
    tokensMax,
    copies: 0,
    copySlot(from: number, to: number, tokens = tokensMax) {
      cache.copies++;
      content[to] = content[from]!.map((token, i) => (i < tokens ? token : -1));
    },
    dispose() {},
  };
  return { cache, content };
}

function tableOf(slots: number) {
  const { cache, content } = recordingCache(slots);
  const table = new SlotTable(cache);
  /** What a model does: writes tokens at the end of a slot. */
  const write = (slot: Slot, tokens: number[]) => {
    for (const token of tokens) content[slot.index]![slot.tokens.length] = token;
    slot.tokens.push(...tokens);
  };
  const fill = (slot: Slot, prompt: number[]) => {
    const rest = prompt.slice(slot.tokens.length);
    for (const token of rest) {
      content[slot.index]![slot.tokens.length] = token;
      slot.tokens.push(token);
    }
  };
  return { table, cache, content, write, fill };
}

describe("SlotTable", () => {
  it("continues the next turn of a conversation where the last one ended, without copying", () => {
    const { table, cache, fill } = tableOf(4);
    const first = table.lease("t", [1, 2, 3]);
    fill(first, [1, 2, 3]);
    table.activate(first);
    fill(first, [1, 2, 3, 4, 5]);
    table.release(first, true);

    const second = table.lease("t", [1, 2, 3, 4, 5, 6, 7]);
    expect(second.tokens).toEqual([1, 2, 3, 4, 5]);
    table.activate(second);
    expect(cache.copies).toBe(0);
  });

  it("copies the prefix of a sequence in service, under the same key alone", () => {
    const { table, cache, content, fill } = tableOf(5);
    const first = table.lease("t", [1, 2, 3, 4]);
    fill(first, [1, 2, 3, 4]);
    table.activate(first);
    const second = table.lease("t", [1, 2, 3, 9]);
    expect(second.tokens).toEqual([1, 2, 3]);
    expect(content[second.index]!.slice(0, 3)).toEqual([1, 2, 3]);
    expect(first.tokens).toEqual([1, 2, 3, 4]);
    expect(cache.copies).toBe(1);
    expect(table.lease("another", [1, 2, 3, 9]).tokens).toEqual([]);
  });

  it("keeps one parked sequence of a key that asks for it, the latest", () => {
    const { table, fill } = tableOf(8);
    const turn = (prompt: number[]) => {
      const slot = table.lease("adapter", prompt);
      fill(slot, prompt);
      table.activate(slot);
      return () => table.release(slot, true, { staysAlone: true });
    };
    const [first, second] = [turn([1, 2, 3]), turn([4, 5, 6, 7])];
    second();
    first();
    expect(table.parkedTokens).toBe(3);
    turn([8, 9])();
    expect(table.parkedTokens).toBe(2);
    expect(table.lease("adapter", [8, 9, 10]).tokens).toEqual([8, 9]);
  });

  it("writes to fresh memory only when no empty slot has been written before", () => {
    const { table, fill } = tableOf(8);
    const places = new Set<number>();
    const turn = (key: string) => {
      const slot = table.lease(key, [1, 2, 3]);
      fill(slot, [1, 2, 3]);
      table.activate(slot);
      places.add(slot.index);
      return slot;
    };
    const held = turn("held");
    for (let generation = 0; generation < 6; generation++) {
      table.release(turn(`generation ${generation}`), true);
      table.forget(`generation ${generation}`);
    }
    table.release(held, true);
    expect(places.size).toBe(2);
  });

  it("always leaves the last prompt token to be computed", () => {
    const { table, fill } = tableOf(3);
    const first = table.lease("t", [1, 2, 3]);
    fill(first, [1, 2, 3]);
    table.release(first, true);
    expect(table.lease("t", [1, 2, 3]).tokens).toEqual([1, 2]);
  });

  it("reuses nothing of another tenant or another adapter", () => {
    const { table, fill } = tableOf(8);
    const first = table.lease(cacheKey("a", null), [1, 2, 3]);
    fill(first, [1, 2, 3]);
    table.release(first, true);
    for (const key of [cacheKey("b", null), cacheKey("a", "d1"), cacheKey('a",null', null)]) {
      expect(table.lease(key, [1, 2, 3, 4]).tokens).toEqual([]);
    }
    expect(table.lease(cacheKey("a", null), [1, 2, 3, 4]).tokens).toEqual([1, 2, 3]);
  });

  it("copies a shared beginning and leaves the longer conversation its slot", () => {
    const { table, cache, fill } = tableOf(4);
    const long = table.lease("t", [1, 2, 3, 4, 5, 6, 7, 8]);
    fill(long, [1, 2, 3, 4, 5, 6, 7, 8]);
    table.release(long, true);
    expect(table.lease("t", [1, 2, 9]).tokens).toEqual([1, 2]);
    expect(cache.copies).toBe(1);
    expect(table.lease("t", [1, 2, 3, 4, 5, 6, 7, 8, 9]).tokens).toHaveLength(8);
  });

  it("evicts the parked slot that was used longest ago", () => {
    const { table, fill } = tableOf(3);
    for (const key of ["a", "b", "c"]) {
      const slot = table.lease(key, [1, 2]);
      fill(slot, [1, 2]);
      table.release(slot, true);
    }
    const again = table.lease("d", [1, 2]);
    table.release(again, false);
    expect(table.lease("b", [1, 2, 3]).tokens).toEqual([1, 2]);
    expect(table.lease("a", [1, 2, 3]).tokens).toEqual([]);
  });

  it("forgets what is parked under one key, and no running sequence", () => {
    const { table, fill } = tableOf(4);
    for (const key of ["old", "other"]) {
      const slot = table.lease(key, [1, 2]);
      fill(slot, [1, 2]);
      table.release(slot, true);
    }
    const running = table.lease("old", [7, 8]);
    fill(running, [7, 8]);
    table.forget("old");
    expect(running.tokens).toEqual([7, 8]);
    expect(table.lease("old", [1, 2, 3]).tokens).toEqual([]);
    expect(table.lease("other", [1, 2, 3]).tokens).toEqual([1, 2]);
  });

  it("keeps nothing of a sequence that failed", () => {
    const { table, fill } = tableOf(3);
    const slot = table.lease("t", [1, 2]);
    fill(slot, [1, 2]);
    table.release(slot, false);
    expect(table.lease("t", [1, 2, 3]).tokens).toEqual([]);
  });

  it("keeps active slots side by side and every slot's content right through any history", () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = seededRandom(`slots ${seed}`);
      const { table, content, write, fill } = tableOf(randomInt(random, 2, 7));
      const live: { slot: Slot; key: string; tokens: number[] }[] = [];
      const check = () => {
        const active = table.active;
        active.forEach((slot, i) => {
          expect(slot.index, `seed ${seed}`).toBe(active[0]!.index + i);
        });
        expect(new Set(active)).toEqual(
          new Set(live.map(({ slot }) => slot).filter(({ state }) => state === "active")),
        );
        for (const { slot, tokens } of live) {
          expect(slot.tokens, `seed ${seed}`).toEqual(tokens);
          expect(content[slot.index]!.slice(0, tokens.length), `seed ${seed}`).toEqual(tokens);
        }
      };
      for (let move = 0; move < 120; move++) {
        const held = live.length > 0 ? pick(random, live) : undefined;
        const dice = random();
        if (dice < 0.35 && table.canLease) {
          const key = pick(random, ["a", "b"]);
          // Few different tokens, so that prefixes are shared often.
          const prompt = Array.from({ length: randomInt(random, 1, 9) }, () =>
            key === "a" ? randomInt(random, 1, 3) : randomInt(random, 11, 13),
          );
          const slot = table.lease(key, prompt);
          expect(prompt.slice(0, slot.tokens.length)).toEqual(slot.tokens);
          expect(content[slot.index]!.slice(0, slot.tokens.length)).toEqual(slot.tokens);
          fill(slot, prompt);
          live.push({ slot, key, tokens: prompt });
        } else if (held?.slot.state === "active" && dice < 0.45 && table.canLease) {
          const slot = table.fork(held.slot);
          live.push({ slot, key: held.key, tokens: [...held.tokens] });
        } else if (held && dice < 0.6 && held.slot.state === "filling") {
          table.activate(held.slot);
        } else if (held && dice < 0.8 && held.tokens.length < 40) {
          write(held.slot, [held.key === "a" ? 1 : 11]);
          held.tokens = [...held.slot.tokens];
        } else if (held) {
          table.release(held.slot, random() < 0.7);
          live.splice(live.indexOf(held), 1);
        }
        check();
      }
    }
  });
});
