import { seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { packBatch } from "../../../gpu-service/train/batches.ts";
import type { Conversation } from "../../../gpu-service/train/conversation.ts";

/** Conversations of different lengths. The tokens of each count up from a number of its own. */
function counting(lengths: readonly number[]) {
  let drawn = 0;
  return (): Conversation => {
    const length = lengths[drawn % lengths.length]!;
    const ids = Array.from({ length }, (_, i) => 100 * (drawn + 1) + i);
    drawn += 1;
    return { ids, learn: ids.map((_, i) => i >= length - 2) };
  };
}

describe("packed batches", () => {
  it("put each conversation in one row with its next tokens as targets", () => {
    const batch = packBatch(counting([4]), 1, 7);
    expect([...batch.inputs]).toEqual([100, 101, 102, 200, 201, 202, 0]);
    expect([...batch.targets]).toEqual([0, 102, 103, 0, 202, 203, 0]);
    expect([...batch.learn]).toEqual([0, 1, 1, 0, 1, 1, 0]);
    expect([...batch.documents]).toEqual([0, 0, 0, 1, 1, 1, -1]);
    expect(batch).toMatchObject({ conversationCount: 2, tokenCount: 6, learntCount: 4 });
  });

  it("fill at least 95 of 100 positions", () => {
    const random = seededRandom(11);
    const lengths = Array.from({ length: 997 }, () => 5 + Math.floor(60 * random() ** 2));
    const batch = packBatch(counting(lengths), 16, 128);
    expect(batch.tokenCount / (16 * 128)).toBeGreaterThan(0.95);
    const filled = batch.documents.filter((document) => document >= 0).length;
    expect(filled).toBe(batch.tokenCount);
  });

  it("leave out conversations longer than a row", () => {
    const batch = packBatch(counting([200, 5, 9]), 4, 16);
    expect(batch.inputs.every((id) => id % 100 < 9)).toBe(true);
    expect(batch.conversationCount).toBeGreaterThan(4);
  });
});
