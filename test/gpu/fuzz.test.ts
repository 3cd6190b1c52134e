/**
 * The fuzzer's seeds and its findings (test/fuzz), each with some hundreds of edits. A parser soon accepts an input or
 * refuses it with a typed error. `npm run fuzz` continues from here, guided by coverage.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withEdits } from "../fuzz/edits.ts";
import { targets } from "../fuzz/targets.ts";

const folder = join(import.meta.dirname, "../fuzz");
const drawn = 120;
/** Processor time of one input alone; the slowest take some milliseconds. */
const msMax = 3000;
const cpuMs = (since: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

const bytesOf = (path: string) => new Uint8Array(readFileSync(path));
function corpusOf(name: string): [string, Uint8Array<ArrayBuffer>][] {
  const files = readdirSync(join(folder, "corpus", name));
  return files.map((file) => [file, bytesOf(join(folder, "corpus", name, file))]);
}
function found(name: string): string[] {
  const all = existsSync(join(folder, "found")) ? readdirSync(join(folder, "found")) : [];
  return all.filter((file) => file.startsWith(`${name}-`));
}

describe.each(Object.entries(targets))("%s", (name, target) => {
  const corpus = corpusOf(name);

  it("accepts every input that the fuzzer starts from", async () => {
    for (const [file, bytes] of corpus) expect(await target(bytes), file).toBe(true);
  });

  it("survives every input that was ever found", async () => {
    for (const file of found(name)) {
      const startedAt = process.cpuUsage();
      await target(bytesOf(join(folder, "found", file)));
      expect(cpuMs(startedAt), file).toBeLessThan(msMax);
    }
  });

  it(`refuses with typed errors alone over about ${drawn} edits of them`, async () => {
    const inputs = corpus.flatMap(([, bytes]) => [
      ...withEdits(bytes, Math.ceil(drawn / corpus.length)),
    ]);
    for (const [i, bytes] of inputs.entries()) {
      const startedAt = process.cpuUsage();
      try {
        await target(bytes);
      } catch (cause) {
        const input = Buffer.from(bytes).toString("base64");
        throw new Error(`input ${i}, base64 ${input}`, { cause });
      }
      expect(cpuMs(startedAt)).toBeLessThan(msMax);
    }
  });
});
