import { describe, expect, it } from "vitest";
import {
  mayAdmit,
  mayRunSlice,
  nextSliceAt,
  nextToRead,
} from "../../../gpu-service/src/engine/batch/decisions.ts";

const reading = (promptTokens: number, readTokens = 0, passedOver = 0) => ({
  promptTokens,
  readTokens,
  passedOver,
});

describe("the prompt that is read next", () => {
  it("is the one with the least left, the first of equals", () => {
    const [long, begun, short, other] = [reading(500), reading(500, 450), reading(40), reading(40)];
    expect(nextToRead([long, begun, short], 128)).toBe(short);
    expect(nextToRead([long, begun], 128)).toBe(begun);
    expect(nextToRead([other, short], 128)).toBe(other);
    expect(nextToRead([], 128)).toBeUndefined();
  });

  it("lets a long prompt through in the end, however many short ones come", () => {
    const long = reading(1_000);
    let turns = 0;
    // A new short prompt every turn, read at once.
    while (nextToRead([reading(20), long], 128) !== long) {
      long.passedOver++;
      turns++;
    }
    expect(turns).toBe(8);
  });
});

describe("background work", () => {
  it("has its share of the time while sequences are in service", () => {
    let [now, busyMs, dueAt] = [0, 0, 0];
    while (now < 10_000) {
      if (mayRunSlice(now, dueAt, 3)) {
        now += 40;
        busyMs += 40;
        dueAt = nextSliceAt(now, 40, 0.25);
      }
      now += 10; // a decode step
    }
    expect(busyMs / now).toBeGreaterThan(0.2);
    expect(busyMs / now).toBeLessThanOrEqual(0.26);
  });

  it("runs at once when nobody waits for tokens", () => {
    expect(mayRunSlice(5, 100, 0)).toBe(true);
    expect(mayRunSlice(5, 100, 1)).toBe(false);
  });
});

describe("whether a sequence may begin", () => {
  const inService = (count: number, ofTenant: number, tenants: number) => ({
    count,
    ofTenant,
    tenants,
  });

  it("is when there is a row and a slot", () => {
    expect(mayAdmit(inService(3, 3, 1), 4, true)).toBe(true);
    expect(mayAdmit(inService(4, 4, 1), 4, true)).toBe(false);
    expect(mayAdmit(inService(3, 3, 1), 4, false)).toBe(false);
  });

  it("waits for no row of another tenant, up to its own share of the rows", () => {
    expect(mayAdmit(inService(16, 0, 2), 16, true)).toBe(true);
    expect(mayAdmit(inService(23, 7, 2), 16, true)).toBe(true);
    expect(mayAdmit(inService(24, 8, 2), 16, true)).toBe(false);
    expect(mayAdmit(inService(20, 5, 3), 16, true)).toBe(false);
  });

  it("is not beyond twice the rows, nor beyond the slots", () => {
    expect(mayAdmit(inService(32, 0, 5), 16, true)).toBe(false);
    expect(mayAdmit(inService(16, 0, 2), 16, false)).toBe(false);
  });
});
