/** Remarks that repeat a part of the request and say more. */
import { describe, expect, it } from "vitest";
import { putInPlace } from "../../../edge/src/words/in-place.ts";

describe("a remark that repeats a part of the request", () => {
  it.each([
    [
      "Take three, then remove duplicates: 6 1 9 1",
      "Take three from the end.",
      "Take three from the end, then remove duplicates: 6 1 9 1",
    ],
    [
      "Shift each digit by one, then sort them: 3 6 5",
      "Sort them from smallest to largest.",
      "Shift each digit by one, then sort them from smallest to largest: 3 6 5",
    ],
    [
      "Write a letter to the landlord, then book a table.",
      "book a table for four at eight",
      "Write a letter to the landlord, then book a table for four at eight.",
    ],
    [
      "Schreibe eine Mail an Tom und bestelle einen Tisch",
      "Bestelle einen Tisch für vier.",
      "Schreibe eine Mail an Tom und bestelle einen Tisch für vier",
    ],
  ])("stands in that part's place: %s · %s", (request, remark, wording) => {
    expect(putInPlace(request, remark)).toBe(wording);
  });

  it.each([
    ["it repeats nothing", "Sort them: 3 1 2", "largest first"],
    ["it says no more", "Sort them, as plain text: 3 1 2", "Sort them!"],
    ["it repeats a single word", "Translate, then shorten: Guten Tag", "Shorten it to three words"],
    ["the part comes twice", "Sort them, then reverse, then sort them: 3 1", "Sort them by size"],
    ["it is several sentences", "Sort them: 3 1 2", "Sort them by size. And be quick."],
    ["it only mentions the part", "Sort them: 3 1 2", "I did not say sort them by size"],
  ])("stays a remark where %s", (_, request, remark) => {
    expect(putInPlace(request, remark)).toBeNull();
  });
});
