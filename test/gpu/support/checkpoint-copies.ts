/** A copy of a random checkpoint for each test of a file, which the test may spoil. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { writeRandomCheckpoint } from "./random-checkpoint.ts";

/** `copied` gets each test's copy, and the checkpoint that it is a copy of. Returns the folder of the copies. */
export function checkpointCopies(copied: (directory: string, whole: string) => void): string {
  const root = mkdtempSync(join(tmpdir(), "rosa2-copies-"));
  let whole: string;
  beforeAll(() => {
    whole = writeRandomCheckpoint();
  });
  beforeEach(() => {
    const directory = mkdtempSync(join(root, "model-"));
    cpSync(whole, directory, { recursive: true });
    copied(directory, whole);
  });
  afterAll(() => {
    rmSync(whole, { recursive: true });
    rmSync(root, { recursive: true });
  });
  return root;
}
