/** Moves numbers without changing them: reshape, transpose, stretch, join, cut, look up. */
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
import { formatType } from "../ir/types.ts";
import type { EmissionOf, ProductsOf } from "./rules.ts";

type Shaping =
  | "reshape"
  | "transpose"
  | "expandLike"
  | "concat"
  | "split"
  | "slice"
  | "pad"
  | "gatherRows"
  | "scatterRows"
  | "oneHot";

export const shapingEmission: EmissionOf<Shaping> = {
  reshape: ({ inputs: [x], attributes: { shape } }, [name], outputs, emitter) => {
    // 0 copies the input's length of that axis; one axis may be left to the runtime (−1).
    const dims = shape.map((dim, axis) =>
      typeof dim === "number" ? dim : dim === x!.shape[axis] ? 0 : -1,
    );
    if (dims.filter((dim) => dim === -1).length > 1)
      throw new Error(`Cannot emit the reshape of ${formatType(x!)} to [${shape.join(",")}]`);
    emitter.node("Reshape", [name!, emitter.ints(dims)], {}, { outputs });
  },

  transpose: ({ attributes: { permutation } }, inputs, outputs, emitter) => {
    emitter.node("Transpose", inputs, { perm: permutation }, { outputs });
  },
  expandLike: (_, [x, like], outputs, emitter) => {
    emitter.node("Expand", [x!, emitter.node("Shape", [like!])], {}, { outputs });
  },

  concat: ({ attributes: { axis } }, inputs, outputs, emitter) => {
    emitter.node("Concat", inputs, { axis }, { outputs });
  },
  split: ({ attributes: { lengths } }, [x], outputs, emitter) => {
    emitter.node("Split", [x!, emitter.ints(lengths)], { axis: -1 }, { outputs });
  },
  slice: ({ attributes: { axis, start, end } }, [x], outputs, emitter) => {
    const stop = start < 0 && end === 0 ? 2 ** 31 - 1 : end;
    emitter.node(
      "Slice",
      [x!, emitter.ints([start]), emitter.ints([stop]), emitter.ints([axis])],
      {},
      { outputs },
    );
  },
  pad: ({ inputs: [x], attributes: { axis, before, after } }, [name], outputs, emitter) => {
    const rank = x!.shape.length;
    const pads = new Array<number>(2 * rank).fill(0);
    pads[axis] = before;
    pads[rank + axis] = after;
    emitter.node("Pad", [name!, emitter.ints(pads)], {}, { outputs });
  },
  gatherRows: (_, inputs, outputs, emitter) => {
    emitter.node("Gather", inputs, { axis: 0 }, { outputs });
  },
  scatterRows: (_, [rows, ids, like], outputs, emitter) => {
    const zero = emitter.tensor("f32", [1], new Float32Array(1));
    const zeros = emitter.node("Expand", [zero, emitter.node("Shape", [like!])]);
    const indices = emitter.node("Unsqueeze", [ids!, emitter.ints([-1])]);
    emitter.node("ScatterND", [zeros, indices, rows!], { reduction: "add" }, { outputs });
  },

  /** For webgpu, ids must be i32: its comparisons know no i64. */
  oneHot: ({ attributes: { depth } }, [ids], outputs, emitter) => {
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
};

export const shapingProducts: ProductsOf<Shaping> = {
  reshape: ({ inputs: [x] }, [g]) => [reshape(g!, x!.shape)],

  transpose: ({ attributes: { permutation } }, [g]) => [
    transpose(
      g!,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],

  expandLike: ({ inputs: [x] }, [g]) => [unbroadcast(g!, x!.shape), null],

  concat: ({ inputs, attributes: { axis } }, [g]) => {
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

  split: ({ outputs }, cotangents) => {
    const parts = cotangents.map((g, index) => {
      if (!g)
        throw new Error(`Cannot differentiate a split: ${formatType(outputs[index]!)} is unused`);
      return g;
    });
    return [concat(parts, parts[0]!.shape.length - 1)];
  },

  slice: ({ inputs: [x], attributes: { axis, start, end } }, [g]) => {
    const length = x!.shape[axis];
    if (typeof length !== "number")
      throw new Error(`Cannot differentiate a slice of the open axis ${axis} of ${formatType(x!)}`);
    return [pad(g!, axis, start, length - end)];
  },

  pad: ({ inputs: [x], attributes: { axis, before } }, [g]) => [
    slice(g!, axis, before, before + (x!.shape[axis] as number)),
  ],

  gatherRows: ({ inputs: [table, ids] }, [g]) => {
    if (table!.shape.length !== 2)
      throw new Error(`Cannot differentiate rows of ${formatType(table!)}`);
    return [scatterRows(g!, ids!, table!), null];
  },

  scatterRows: ({ inputs: [, ids] }, [g]) => [gatherRows(g!, ids!), null, null],

  oneHot: { none: "ids are not numbers that can move" },
};

/** ONNX's code of fp32. */
const castToFloat = 1;
