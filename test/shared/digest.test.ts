import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { digestOfFiles } from "../../shared/command/digest.ts";

const root = mkdtempSync(join(tmpdir(), "rosa2-digest-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("the digest of files", () => {
  mkdirSync(join(root, "src/deep"), { recursive: true });
  writeFileSync(join(root, "one.txt"), "1");
  writeFileSync(join(root, "src/deep/two.txt"), "2");
  const digest = () => digestOfFiles(root, ["one.txt", "src", "absent"]);

  it("is the same wherever the command is run", () => {
    const before = digest();
    const cwd = process.cwd();
    process.chdir(root);
    expect(digest()).toBe(before);
    process.chdir(cwd);
  });

  it.each(["one.txt", "src/deep/two.txt", "src/three.txt"])("changes with %s", (file) => {
    const before = digest();
    writeFileSync(join(root, file), "another");
    expect(digest()).not.toBe(before);
  });
});
