/** A large checkpoint's digest is remembered, but never past a change of its files. */
import {
  closeSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { digestFiles } from "../../../gpu-service/src/checkpoint/digest.ts";

const mebibyte = 1_048_576;
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rosa2-digest-"));
  process.env.ROSA2_CACHE = join(folder, "cache");
  path = join(folder, "model.safetensors");
  writeFileSync(path, "weights");
  // Sparse: large to read, nothing on the disk.
  truncateSync(path, 160 * mebibyte);
});
afterEach(() => {
  delete process.env.ROSA2_CACHE;
  rmSync(folder, { recursive: true });
});

const notes = () => {
  try {
    return readdirSync(join(folder, "cache/digests")).map((name) =>
      join(folder, "cache/digests", name),
    );
  } catch {
    return [];
  }
};

it("is remembered while the file is unchanged", () => {
  const digest = digestFiles([path]);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(notes().map((note) => readFileSync(note, "utf8"))).toEqual([digest]);
  // A false note is believed, which proves that the note is read.
  const other = "0".repeat(64);
  writeFileSync(notes()[0]!, other);
  expect(digestFiles([path])).toBe(other);
});

it("is remembered although a link to the file was made, as each start makes one", () => {
  digestFiles([path]);
  const before = notes();
  linkSync(path, join(folder, "linked"));
  digestFiles([path]);
  expect(notes()).toEqual(before);
});

it("is made anew after a write, and after another file took its place", () => {
  const seen = new Set([digestFiles([path])]);
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, "other", 64 * mebibyte);
  closeSync(descriptor);
  seen.add(digestFiles([path]));
  const { atime, mtime } = statSync(path);
  const other = join(folder, "other");
  writeFileSync(other, "others");
  truncateSync(other, 160 * mebibyte);
  utimesSync(other, atime, mtime);
  renameSync(other, path);
  seen.add(digestFiles([path]));
  expect(seen.size).toBe(3);
});

it("is made anew where the note is damaged", () => {
  const digest = digestFiles([path]);
  writeFileSync(notes()[0]!, digest.slice(1));
  expect(digestFiles([path])).toBe(digest);
});

it("notices a link that now leads elsewhere", () => {
  const other = join(folder, "other.safetensors");
  writeFileSync(other, "others");
  truncateSync(other, 160 * mebibyte);
  const link = join(folder, "link.safetensors");
  symlinkSync(path, link);
  const before = digestFiles([link]);
  rmSync(link);
  symlinkSync(other, link);
  expect(digestFiles([link])).not.toBe(before);
});

it("needs no folder to write in, and keeps no note of a small file", () => {
  const digest = digestFiles([path]);
  process.env.ROSA2_CACHE = join(path, "not a folder");
  expect(digestFiles([path])).toBe(digest);
  process.env.ROSA2_CACHE = join(folder, "cache");
  const kept = notes().length;
  truncateSync(path, mebibyte);
  digestFiles([path]);
  expect(notes()).toHaveLength(kept);
});
