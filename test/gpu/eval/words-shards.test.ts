import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { measureShards, shardsReport } from "../../eval/words-shards.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const shed = {
  request: "How many pots are left in the shed?",
  follow_ups: [
    "A gardener keeps 48 pots in 6 rows.",
    "He gives two rows away, and he never took the short ones.",
    "“Twice as many,” his neighbour said, “or no table.”",
  ],
};

describe("words-shards", () => {
  it("counts sentences that are kept, and no misread ones where all are content", () => {
    expect(measureShards([shed])).toEqual({
      problems: 1,
      sentences: 3,
      kept: 1,
      misread: [],
      changed: [],
    });
  });

  it("counts a remark that acts on the reply as misread, and one that stays as changing others", () => {
    const figures = measureShards([
      { request: shed.request, follow_ups: ["shorter", "always in French"] },
    ]);
    expect(figures).toMatchObject({
      kept: 0,
      misread: ["shorter", "always in French"],
      changed: [shed.request],
    });
  });

  it("prints the three figures of a file, and says what is wrong with another", () => {
    const folder = temporaryFolder();
    const good = join(folder, "good.jsonl");
    writeFileSync(good, `${JSON.stringify(shed)}\n\n`);
    const report = shardsReport(["--suite", "words-shards", "--data", good]);
    expect(report).toContain("kept word for word  1.000");
    const bad = join(folder, "bad.jsonl");
    writeFileSync(bad, `${JSON.stringify(shed)}\n{"request": 3}\n`);
    expect(() => shardsReport(["--suite", "words-shards", "--data", bad])).toThrow("line 2");
    expect(() => shardsReport(["--suite", "words-shards"])).toThrow("--data FILE");
    expect(shardsReport(["--suite", "MIX"])).toBeNull();
  });
});
