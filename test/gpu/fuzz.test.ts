/**
 * What the fuzzer starts from and what it found (test/fuzz), and some thousands of inputs drawn around them: a parser
 * takes what it is given or refuses it with a typed error, soon. `npm run fuzz` goes on from here, guided by coverage.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { targets } from "../fuzz/targets.ts";

const folder = join(import.meta.dirname, "../fuzz");
const drawn = 120;
/** One input alone; the slowest take some milliseconds. */
const msMax = 3000;

const bytesOf = (path: string) => new Uint8Array(readFileSync(path));
function corpusOf(name: string): [string, Uint8Array<ArrayBuffer>][] {
  const files = readdirSync(join(folder, "corpus", name));
  return files.map((file) => [file, bytesOf(join(folder, "corpus", name, file))]);
}
function found(name: string): string[] {
  const all = existsSync(join(folder, "found")) ? readdirSync(join(folder, "found")) : [];
  return all.filter((file) => file.startsWith(`${name}-`));
}

/** Some edits of one input, with parts of another. */
function edited(random: () => number, one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = [...one];
  for (let edits = randomInt(random, 1, 5); edits > 0; edits--) {
    const at = randomInt(random, 0, bytes.length + 1);
    const count = randomInt(random, 0, 9);
    const from = randomInt(random, 0, other.length);
    const part = [...other.subarray(from, from + randomInt(random, 0, 17))];
    const kind = randomInt(random, 0, 4);
    if (kind === 0) bytes.splice(at, 1, randomInt(random, 0, 256));
    else if (kind === 1) bytes.splice(at, count);
    else if (kind === 2) bytes.splice(at, count, ...part);
    else bytes.splice(at, 0, ...bytes.slice(at, at + count));
  }
  return Uint8Array.from(bytes);
}

describe.each(Object.entries(targets))("%s", (name, target) => {
  const corpus = corpusOf(name);

  it("takes every input that the fuzzer starts from", async () => {
    for (const [file, bytes] of corpus) expect(await target(bytes), file).toBe(true);
  });

  it("breaks at no input that was ever found", async () => {
    for (const file of found(name)) {
      const startedAt = performance.now();
      await target(bytesOf(join(folder, "found", file)));
      expect(performance.now() - startedAt, file).toBeLessThan(msMax);
    }
  });

  it(`refuses with typed errors alone, over ${drawn} inputs drawn around them`, async () => {
    const random = seededRandom(`fuzz ${name}`);
    const pick = () => corpus[randomInt(random, 0, corpus.length)]![1];
    for (let i = 0; i < drawn; i++) {
      const bytes = edited(random, pick(), pick());
      const startedAt = performance.now();
      await Promise.resolve(target(bytes)).catch((error) => {
        throw new Error(`input ${i}, base64 ${Buffer.from(bytes).toString("base64")}`, {
          cause: error,
        });
      });
      expect(performance.now() - startedAt).toBeLessThan(msMax);
    }
  });
});
