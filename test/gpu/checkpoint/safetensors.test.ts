/// <reference lib="esnext.float16" />
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import {
  fromFloat16,
  type TensorType,
  toFloat16,
} from "../../../gpu-service/src/checkpoint/tensor-types.ts";
import {
  encodeSafetensors,
  type TensorData,
} from "../../../gpu-service/src/checkpoint/write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "rosa2-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file with the given header text, then `dataBytes` bytes. */
function fileOf(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

function entry(begin: unknown, end: unknown, shape: unknown = [2], dtype: unknown = "F32"): string {
  return JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
}

function messageOf(file: Uint8Array): string {
  try {
    openSafetensors(file);
  } catch (error) {
    expect(error).toBeInstanceOf(RosaError);
    expect((error as RosaError).code).toBe("checkpoint_invalid");
    return (error as RosaError).message;
  }
  throw new Error("the file was accepted");
}

describe("reading a file of the reference implementation", () => {
  // Written by the Python package safetensors 0.8.0: {"b": tensor([1., -2.]), "a": tensor([[0.5], [3.0]]) as
  // BF16, "h": tensor([65504.0]) as F16, "n": tensor(7)} with metadata {"format": "pt"}.
  const referenceBase64 =
    "AAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJuIjp7ImR0eXBlIjoiSTY0Iiwic2hhcGUi" +
    "OltdLCJkYXRhX29mZnNldHMiOlswLDhdfSwiYiI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMl0sImRhdGFfb2Zm" +
    "c2V0cyI6WzgsMTZdfSwiYSI6eyJkdHlwZSI6IkJGMTYiLCJzaGFwZSI6WzIsMV0sImRhdGFfb2Zmc2V0cyI6WzE2" +
    "LDIwXX0sImgiOnsiZHR5cGUiOiJGMTYiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlsyMCwyMl19fSAgICAg" +
    "BwAAAAAAAAAAAIA/AAAAwAA/QED/ew==";
  const reference = Uint8Array.from(atob(referenceBase64), (char) => char.charCodeAt(0));

  it("finds names, shapes, types, offsets and metadata", () => {
    const file = openSafetensors(reference);
    expect(file.names).toEqual(["n", "b", "a", "h"]);
    expect(file.metadata).toEqual({ format: "pt" });
    expect(file.info("a")).toEqual({
      dtype: "BF16",
      shape: [2, 1],
      byteOffset: reference.length - 6,
      byteLength: 4,
    });
    expect(file.info("n").shape).toEqual([]);
  });

  it("reads values of every float type and raw bytes of the others", () => {
    const file = openSafetensors(reference);
    expect([...file.readFloat32("b")]).toEqual([1, -2]);
    expect([...file.readFloat32("a")]).toEqual([0.5, 3]);
    expect([...file.readFloat32("h")]).toEqual([65_504]);
    expect([...file.read("n")]).toEqual([7, 0, 0, 0, 0, 0, 0, 0]);
    expect(() => file.readFloat32("n")).toThrow('tensor "n" is I64');
  });

  it("writes the same bytes from the same tensors", () => {
    const file = openSafetensors(reference);
    const tensors = file.names.map((name) => ({ name, ...file.info(name), data: file.read(name) }));
    expect(encodeSafetensors(tensors.reverse(), file.metadata)).toEqual(reference);
  });

  it("reads the same from a path, a range at a time", () => {
    const path = join(folder, "reference.safetensors");
    writeFileSync(path, reference);
    const file = openSafetensors(path);
    expect([...file.readFloat32("a")]).toEqual([0.5, 3]);
    truncateSync(path, reference.length - 1);
    expect([...file.readFloat32("b")]).toEqual([1, -2]);
    expect(() => file.read("h")).toThrow("ended at byte");
  });
});

it("reads a Node Buffer like other bytes", () => {
  const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const tensors = ["a", "b"].map((name) => ({ name, dtype: "F32" as const, shape: [4], data }));
  const file = openSafetensors(Buffer.from(encodeSafetensors(tensors)));
  expect([...file.readFloat32("b")]).toEqual([1, 2, 3, 4]);
});

describe("hostile files", () => {
  const cases: [reason: string, file: Uint8Array, message: string][] = [
    ["an empty file", new Uint8Array(0), "0 bytes cannot hold"],
    [
      "a Git-LFS pointer",
      new TextEncoder().encode(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
      ),
      "fetch the weights with `git lfs pull`",
    ],
    ["half a header length", new Uint8Array(7), "7 bytes cannot hold"],
    [
      "a header longer than the file",
      fileOf("{}").subarray(0, 9),
      "longer than the file (9 bytes)",
    ],
    ["a header length of 2^64 − 1", new Uint8Array(64).fill(255, 0, 8), "exceeds 100000000"],
    ["a header that is not JSON", fileOf("{]"), "not JSON"],
    ["a header cut short", fileOf(`{"a":${entry(0, 8)}`, 8), "not JSON"],
    ["a header that is not UTF-8", fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), "not JSON"],
    ["a header with a byte order mark", fileOf("\ufeff{}"), "not JSON"],
    ["a header that is a list", fileOf("[]"), "not a JSON object"],
    ["a header that is null", fileOf("null"), "not a JSON object"],
    ["an entry that is a number", fileOf('{"a":1}'), 'tensor "a"'],
    ["an entry without offsets", fileOf('{"a":{"dtype":"F32","shape":[2]}}'), "data_offsets"],
    ["a name given twice", fileOf(`{"a":${entry(0, 8)},"a":${entry(0, 8)}}`, 8), "repeats a name"],
    [
      "a name given twice, once escaped",
      fileOf(`{"a":${entry(0, 8)},"\\u0061":${entry(0, 8)}}`, 8),
      "repeats a name",
    ],
    [
      "a field given twice",
      fileOf('{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,4]}}', 4),
      "repeats a name",
    ],
    ["the name __proto__", fileOf(`{"__proto__":${entry(0, 8)}}`, 8), '"__proto__" is not'],
    [
      "the metadata key __proto__",
      fileOf('{"__metadata__":{"__proto__":"x"}}'),
      '"__proto__" is not',
    ],
    ["metadata that is a list", fileOf('{"__metadata__":["x"]}'), "not a map of strings"],
    ["metadata with a number", fileOf('{"__metadata__":{"rank":8}}'), '"rank" is not a string'],
    ["a shape that is larger than its bytes", fileOf(`{"a":${entry(0, 8, [3])}}`, 8), "12 bytes"],
    ["a negative dimension", fileOf(`{"a":${entry(0, 8, [-2, -1])}}`, 8), "shape.0"],
    ["a fractional dimension", fileOf(`{"a":${entry(0, 8, [0.5, 4])}}`, 8), "shape.0"],
    ["an infinite dimension", fileOf(`{"a":${entry(0, 8).replace("[2]", "[1e999]")}}`, 8), "shape"],
    [
      "a shape whose product overflows",
      fileOf(`{"a":${entry(0, 0, [2 ** 40, 2 ** 40])}}`),
      "takes",
    ],
    ["a negative offset", fileOf(`{"a":${entry(-8, 0)}}`, 8), "data_offsets.0"],
    ["a fractional offset", fileOf(`{"a":${entry(0.5, 8.5)}}`, 16), "data_offsets.0"],
    ["an offset as text", fileOf(`{"a":${entry("0", 8)}}`, 8), "data_offsets.0"],
    ["offsets in the wrong order", fileOf(`{"a":${entry(8, 0)}}`, 8), "span -8"],
    ["three offsets", fileOf(`{"a":${entry(0, 8).replace("0,8", "0,8,8")}}`, 8), "data_offsets"],
    [
      "an offset past 2^53",
      fileOf(`{"a":${entry(0, 8).replace("0,8", "9007199254740993,9007199254741001")}}`, 8),
      "data_offsets.0",
    ],
    [
      "tensors that overlap",
      fileOf(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12),
      "inside another",
    ],
    ["tensors that share bytes", fileOf(`{"a":${entry(0, 8)},"b":${entry(0, 8)}}`, 8), "inside"],
    ["a gap between tensors", fileOf(`{"a":${entry(0, 8)},"b":${entry(9, 17)}}`, 17), "a gap"],
    ["a gap before the first tensor", fileOf(`{"a":${entry(4, 12)}}`, 12), "a gap"],
    ["bytes after the last tensor", fileOf(`{"a":${entry(0, 8)}}`, 9), "end at byte"],
    ["fewer bytes than declared", fileOf(`{"a":${entry(0, 8)}}`, 7), "end at byte"],
    ["bytes without a tensor", fileOf("{}", 1), "end at byte"],
  ];

  it.each(cases)("refuses %s", (_, file, message) => {
    expect(messageOf(file)).toContain(message);
  });

  it.each(["F4", "F8_E8M0", "toString"])(
    "opens a file with a tensor of the unknown type %s, and refuses to read only that tensor",
    (dtype) => {
      const file = openSafetensors(
        fileOf(`{"a":${entry(0, 8, [9], dtype)},"b":${entry(8, 16)}}`, 16),
      );
      expect(file.names).toEqual(["a", "b"]);
      expect(file.readFloat32("b")).toHaveLength(2);
      expect(() => file.read("a")).toThrow(`tensor "a" has unknown dtype "${dtype}"`);
      expect(messageOf(fileOf(`{"a":${entry(8, 0, [9], dtype)}}`, 8))).toContain("offsets [8, 0]");
    },
  );

  it("throws with the code that the caller chose, also for a name that is not there", () => {
    const expected = expect.objectContaining({ code: "adapter_invalid" });
    expect(() => openSafetensors(new Uint8Array(3), { code: "adapter_invalid" })).toThrow(expected);
    const empty = openSafetensors(fileOf("{}"), { code: "adapter_invalid" });
    expect(() => empty.read("toString")).toThrow(expected);
    expect(empty.has("constructor")).toBe(false);
  });

  it("refuses a header above the caller's limit before reading it", () => {
    const file = fileOf(`{${" ".repeat(100)}}`);
    expect(openSafetensors(file).names).toEqual([]);
    expect(() => openSafetensors(file, { headerBytesMax: 64 })).toThrow("102 bytes exceeds 64");
  });

  it("answers a missing path and a folder with a typed error", () => {
    for (const path of [join(folder, "nothing"), folder])
      expect(() => openSafetensors(path)).toThrow(RosaError);
  });

  it("keeps messages short however long the names are", () => {
    expect(messageOf(fileOf(`{"${"n".repeat(100_000)}":1}`)).length).toBeLessThan(600);
  });

  it("survives any bytes and any flipped byte with nothing but typed errors", () => {
    const valid = encodeSafetensors(
      [
        { name: "w", dtype: "F32", shape: [2, 3], data: new Float32Array(6) },
        { name: "h", dtype: "F16", shape: [4], data: new Uint16Array(4) },
      ],
      { format: "pt" },
    );
    const readAll = (bytes: Uint8Array): void => {
      try {
        const file = openSafetensors(bytes);
        for (const name of file.names) {
          const { shape, byteLength } = file.info(name);
          expect(file.read(name)).toHaveLength(byteLength);
          expect(shape.every((size) => Number.isSafeInteger(size) && size >= 0)).toBe(true);
        }
      } catch (error) {
        if (!(error instanceof RosaError)) throw error;
      }
    };
    const flip = fc.record({
      at: fc.nat(valid.length - 1),
      to: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('0123456789{}[]",:-.e'))),
    });
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 4 }), (flips) => {
        const bytes = valid.slice();
        for (const { at, to } of flips) bytes[at] = to;
        readAll(bytes);
      }),
      { numRuns: 5000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readAll));
    for (let length = 0; length < valid.length; length++)
      expect(() => openSafetensors(valid.subarray(0, length))).toThrow(RosaError);
  });
});

describe("a header in any order", () => {
  it("is accepted as long as the bytes tile the file", () => {
    const file = openSafetensors(fileOf(`{"b":${entry(8, 16)},"a":${entry(0, 8)}}`, 16));
    expect(file.names).toEqual(["a", "b"]);
  });

  it("may hold empty tensors anywhere between the others", () => {
    const empty = entry(8, 8, [0, 5]);
    const file = openSafetensors(
      fileOf(`{"a":${entry(0, 8)},"z":${empty},"b":${entry(8, 16)}}`, 16),
    );
    expect(file.names).toEqual(["a", "z", "b"]);
    expect(file.readFloat32("z")).toHaveLength(0);
  });
});

describe("writing", () => {
  const width: Partial<Record<TensorType, number>> = { F32: 4, F16: 2, U8: 1, F64: 8 };
  const tensor = fc
    .record({
      name: fc.string({ minLength: 0, maxLength: 12, unit: "grapheme" }),
      dtype: fc.constantFrom<TensorType>("F32", "F16", "U8", "F64"),
      shape: fc.array(fc.nat(4), { maxLength: 3 }),
      seed: fc.nat(255),
    })
    .filter(({ name }) => name !== "__proto__" && name !== "__metadata__")
    .map(({ name, dtype, shape, seed }): TensorData => {
      const length = shape.reduce((a, b) => a * b, 1) * width[dtype]!;
      const data = Uint8Array.from({ length }, (_, i) => (i * 7 + seed) % 256);
      return { name, dtype, shape, data };
    });

  it("round-trips any tensors and metadata, in any order, to the same bytes", () => {
    const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 });
    const metadata = fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      fc.string(),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(tensors, metadata, (list, meta) => {
        const bytes = encodeSafetensors(list, meta);
        expect(encodeSafetensors([...list].reverse(), meta)).toEqual(bytes);
        const file = openSafetensors(bytes);
        expect([...file.names].sort()).toEqual(list.map(({ name }) => name).sort());
        expect(file.metadata).toEqual(meta);
        for (const { name, dtype, shape, data } of list) {
          expect(file.info(name)).toMatchObject({ dtype, shape });
          expect(file.read(name)).toEqual(data);
          expect(file.info(name).byteOffset % width[dtype]!).toBe(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("refuses data that does not fill the shape, repeated and reserved names", () => {
    const one = { name: "a", dtype: "F32", shape: [2], data: new Float32Array(2) } as const;
    expect(() => encodeSafetensors([{ ...one, shape: [3] }])).toThrow("8 bytes, expected 12");
    expect(() => encodeSafetensors([one, one])).toThrow('"a": repeated');
    expect(() => encodeSafetensors([{ ...one, name: "__metadata__" }])).toThrow("reserved");
  });

  it("writes a view's own bytes only, and reads copies that the caller may change", () => {
    const backing = Float32Array.of(9, 1, 2, 9);
    const bytes = encodeSafetensors([
      { name: "a", dtype: "F32", shape: [2], data: backing.subarray(1, 3) },
    ]);
    const file = openSafetensors(bytes);
    file.readFloat32("a").fill(5);
    expect([...file.readFloat32("a")]).toEqual([1, 2]);
  });
});

describe("half precision", () => {
  it("converts every fp16 pattern to fp32 and back", () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, pattern) => pattern);
    const values = fromFloat16(all);
    const back = toFloat16(values);
    for (let pattern = 0; pattern < 65_536; pattern++) {
      if (Number.isNaN(values[pattern])) expect(back[pattern]! & 0x7fff).toBeGreaterThan(0x7c00);
      else expect(back[pattern]).toBe(pattern);
    }
    // The definition of the format: sign, 5 bits of exponent, 10 of fraction.
    for (const pattern of [0x0001, 0x03ff, 0x0400, 0x3c00, 0x3c01, 0x7bff, 0x8001, 0xc000]) {
      const exponent = (pattern >> 10) & 31;
      const fraction = pattern & 1023;
      const magnitude =
        exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
      expect(values[pattern]).toBe(pattern & 0x8000 ? -magnitude : magnitude);
    }
  });

  it("rounds to the nearest, ties to even, and overflows to infinity", () => {
    const bits = (value: number): number => toFloat16(Float32Array.of(value))[0]!;
    expect(bits(1 + 2 ** -11)).toBe(0x3c00); // halfway to 1 + 2^-10: even is below
    expect(bits(1 + 3 * 2 ** -11)).toBe(0x3c02); // halfway: even is above
    expect(bits(1 + 2 ** -11 + 2 ** -20)).toBe(0x3c01);
    expect(bits(65_519.996)).toBe(0x7bff);
    expect(bits(65_520)).toBe(0x7c00);
    expect(bits(2 ** -25)).toBe(0);
    expect(bits(2 ** -25 * 1.001)).toBe(1);
    expect(bits(-0)).toBe(0x8000);
  });

  it("reads bf16 exactly and F64 to the nearest fp32", () => {
    const bytes = encodeSafetensors([
      { name: "bf", dtype: "BF16", shape: [3], data: Uint16Array.of(0x3f80, 0xc049, 0x7f80) },
      { name: "d", dtype: "F64", shape: [1], data: Float64Array.of(0.1) },
    ]);
    const file = openSafetensors(bytes);
    expect([...file.readFloat32("bf")]).toEqual([1, -3.140625, Number.POSITIVE_INFINITY]);
    expect([...file.readFloat32("d")]).toEqual([Math.fround(0.1)]);
  });
});
