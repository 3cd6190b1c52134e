/** Moving numbers without changing them: reshape, transpose, stretch, join, cut, look up. */
import {
  concat,
  gatherRows,
  pad,
  reshape,
  scatterRows,
  slice,
  transpose,
  unbroadcast,
} from "../ir/functions.ts";
import { type Dim, formatType, type Shape } from "../ir/graph.ts";
import type { RulesOf } from "./rules.ts";

export const shaping: RulesOf<
  | "reshape"
  | "transpose"
  | "expandLike"
  | "concat"
  | "split"
  | "slice"
  | "pad"
  | "gatherRows"
  | "scatterRows"
  | "oneHot"
> = {
  reshape: {
    infer: ([x], { shape }) => {
      const from = size(x!.shape);
      const to = size(shape);
      if (from !== to) throw new Error(`Cannot reshape ${formatType(x!)} to [${shape.join(",")}]`);
      return [{ dtype: x!.dtype, shape }];
    },
    emit: ({ inputs: [x], attributes: { shape } }, [name], outputs, emitter) => {
      // 0 copies the input's length of that axis; one axis may be left to the runtime (−1).
      const dims = shape.map((dim, axis) =>
        typeof dim === "number" ? dim : dim === x!.shape[axis] ? 0 : -1,
      );
      if (dims.filter((dim) => dim === -1).length > 1)
        throw new Error(`Cannot emit the reshape of ${formatType(x!)} to [${shape.join(",")}]`);
      emitter.node("Reshape", [name!, emitter.ints(dims)], {}, { outputs });
    },
    gradient: ({ inputs: [x] }, [g]) => [reshape(g!, x!.shape)],
  },

  transpose: {
    infer: ([x], { permutation }) => [
      { dtype: x!.dtype, shape: permutation.map((axis) => x!.shape[axis]!) },
    ],
    emit: ({ attributes: { permutation } }, inputs, outputs, emitter) => {
      emitter.node("Transpose", inputs, { perm: permutation }, { outputs });
    },
    gradient: ({ attributes: { permutation } }, [g]) => [
      transpose(
        g!,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
    ],
  },

  /** x stretched to the shape of the second input, whose numbers are not used. */
  expandLike: {
    infer: ([x, like]) => [{ dtype: x!.dtype, shape: like!.shape }],
    emit: (_, [x, like], outputs, emitter) => {
      emitter.node("Expand", [x!, emitter.node("Shape", [like!])], {}, { outputs });
    },
    gradient: ({ inputs: [x] }, [g]) => [unbroadcast(g!, x!.shape), null],
  },

  concat: {
    infer: (inputs, { axis }) => {
      const first = inputs[0]!;
      const total = sumLengths(inputs.map((input) => input.shape[axis]!));
      return [
        {
          dtype: first.dtype,
          shape: first.shape.map((dim, index) => (index === axis ? total : dim)),
        },
      ];
    },
    emit: ({ attributes: { axis } }, inputs, outputs, emitter) => {
      emitter.node("Concat", inputs, { axis }, { outputs });
    },
    gradient: ({ inputs, attributes: { axis } }, [g]) => {
      let start = 0;
      return inputs.map((input) => {
        const length = input.shape[axis];
        if (typeof length !== "number")
          throw new Error(
            `Cannot differentiate a concat along the open axis of ${formatType(input)}`,
          );
        const end = start + length;
        const part = slice(g!, axis, start, end);
        start = end;
        return part;
      });
    },
  },

  /** Pieces of known lengths along the last axis, all of which together are x. */
  split: {
    infer: ([x], { lengths }) => {
      if (sumLengths(lengths) !== x!.shape.at(-1))
        throw new Error(`Cannot split ${formatType(x!)} into lengths ${lengths}`);
      const leading = x!.shape.slice(0, -1);
      return lengths.map((length) => ({ dtype: x!.dtype, shape: [...leading, length] }));
    },
    emit: ({ attributes: { lengths } }, [x], outputs, emitter) => {
      emitter.node("Split", [x!, emitter.ints(lengths)], { axis: -1 }, { outputs });
    },
    gradient: ({ outputs }, cotangents) => {
      const parts = cotangents.map((g, index) => {
        if (!g)
          throw new Error(`Cannot differentiate a split: ${formatType(outputs[index]!)} is unused`);
        return g;
      });
      return [concat(parts, parts[0]!.shape.length - 1)];
    },
  },

  /** Positions start … end − 1 of one axis; on an open axis negative ones, and an end of 0, count from its end. */
  slice: {
    infer: ([x], { axis, start, end }) => [
      {
        dtype: x!.dtype,
        shape: x!.shape.map((dim, index) => (index === axis ? sliceLength(dim, start, end) : dim)),
      },
    ],
    emit: ({ attributes: { axis, start, end } }, [x], outputs, emitter) => {
      const stop = start < 0 && end === 0 ? 2 ** 31 - 1 : end;
      emitter.node(
        "Slice",
        [x!, emitter.ints([start]), emitter.ints([stop]), emitter.ints([axis])],
        {},
        { outputs },
      );
    },
    gradient: ({ inputs: [x], attributes: { axis, start, end } }, [g]) => {
      const length = x!.shape[axis];
      if (typeof length !== "number")
        throw new Error(
          `Cannot differentiate a slice of the open axis ${axis} of ${formatType(x!)}`,
        );
      return [pad(g!, axis, start, length - end)];
    },
  },

  /** Zeros before and after along one axis. */
  pad: {
    infer: ([x], { axis, before, after }) => [
      {
        dtype: x!.dtype,
        shape: x!.shape.map((dim, index) =>
          index === axis ? (dim as number) + before + after : dim,
        ),
      },
    ],
    emit: ({ inputs: [x], attributes: { axis, before, after } }, [name], outputs, emitter) => {
      const rank = x!.shape.length;
      const pads = new Array<number>(2 * rank).fill(0);
      pads[axis] = before;
      pads[rank + axis] = after;
      emitter.node("Pad", [name!, emitter.ints(pads)], {}, { outputs });
    },
    gradient: ({ inputs: [x], attributes: { axis, before } }, [g]) => [
      slice(g!, axis, before, before + (x!.shape[axis] as number)),
    ],
  },

  /** Rows of a table [V, ..C] by ids [..]: [.., ..C]; the gradient is that of a matrix. */
  gatherRows: {
    infer: ([table, ids]) => {
      if (table!.shape.length < 2) throw new Error(`Cannot gather rows of ${formatType(table!)}`);
      return [{ dtype: table!.dtype, shape: [...ids!.shape, ...table!.shape.slice(1)] }];
    },
    emit: (_, inputs, outputs, emitter) => {
      emitter.node("Gather", inputs, { axis: 0 }, { outputs });
    },
    gradient: ({ inputs: [table, ids] }, [g]) => {
      if (table!.shape.length !== 2)
        throw new Error(`Cannot differentiate rows of ${formatType(table!)}`);
      return [scatterRows(g!, ids!, table!), null];
    },
  },

  /** Sums rows [.., C] into a zero table by ids [..]; the third input gives the table's shape. */
  scatterRows: {
    infer: ([rows, , like], { rowCount }) => [
      { dtype: rows!.dtype, shape: [rowCount, like!.shape[1]!] },
    ],
    emit: (_, [rows, ids, like], outputs, emitter) => {
      const zero = emitter.tensor("f32", [1], new Float32Array(1));
      const zeros = emitter.node("Expand", [zero, emitter.node("Shape", [like!])]);
      const indices = emitter.node("Unsqueeze", [ids!, emitter.ints([-1])]);
      emitter.node("ScatterND", [zeros, indices, rows!], { reduction: "add" }, { outputs });
    },
    gradient: ({ inputs: [, ids] }, [g]) => [gatherRows(g!, ids!), null, null],
  },

  /** For webgpu, ids must be i32: its comparisons know no i64. */
  oneHot: {
    infer: ([ids], { depth }) => [{ dtype: "f32", shape: [...ids!.shape, depth] }],
    emit: ({ attributes: { depth } }, [ids], outputs, emitter) => {
      if (emitter.target === "webgpu") {
        const classes = emitter.tensor(
          "i32",
          [depth],
          Int32Array.from({ length: depth }, (_, i) => i),
        );
        const column = emitter.node("Unsqueeze", [ids!, emitter.ints([-1])]);
        const isChosen = emitter.node("Equal", [column, classes]);
        emitter.node("Cast", [isChosen], { to: castToFloat }, { outputs });
        return;
      }
      const offOn = emitter.tensor("f32", [2], new Float32Array([0, 1]));
      emitter.node("OneHot", [ids!, emitter.ints([depth]), offOn], { axis: -1 }, { outputs });
    },
    gradient: { none: "ids are not numbers that can move" },
  },
};

/** ONNX's code of fp32. */
const castToFloat = 1;

/** Numbers are added; an open length is written before them: S and 1 give S+1. */
function sumLengths(lengths: readonly Dim[]): Dim {
  const open = lengths.filter((length) => typeof length === "string");
  const known = lengths.reduce<number>(
    (sum, length) => (typeof length === "number" ? sum + length : sum),
    0,
  );
  if (open.length === 0) return known;
  return known === 0 ? open.join("+") : `${open.join("+")}+${known}`;
}

/** S+1 without its last position is S again. */
function sliceLength(dim: Dim, start: number, end: number): Dim {
  if (typeof dim === "string" && start === 0 && end < 0) {
    const rest = `+${-end}`;
    if (!dim.endsWith(rest)) throw new Error(`Cannot slice ${-end} off the open length ${dim}`);
    return dim.slice(0, -rest.length);
  }
  return end - start;
}

/** Product of a shape as sorted text, so that equal products compare equal. */
function size(shape: Shape): string {
  const names: string[] = [];
  let product = 1;
  for (const dim of shape) {
    if (typeof dim === "number") product *= dim;
    else names.push(...dim.split("*"));
  }
  return [...names.sort(), product].join("*");
}
