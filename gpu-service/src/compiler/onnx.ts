/** Writes a graph as an ONNX model. It knows the format, not the operations: each op's rule emits itself. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { trace } from "./ir/graph.ts";
import type { Primitive } from "./ir/types.ts";
import { type DType, formatType, type Node, type Type, type Value } from "./ir/types.ts";
import type { EmissionRule, Emitter, OnnxAttribute, Target } from "./ops/rules.ts";
import { emissionRules } from "./ops/tables.ts";

/** Where a weight's numbers are: in memory, or at an offset of a file beside the model. */
export type WeightSource = { data: Uint8Array } | { file: string; offset: number; length: number };

const opset = 21;
const irVersion = 10;

const dataTypes: Record<DType, TensorProto_DataType> = {
  f32: TensorProto_DataType.FLOAT,
  i32: TensorProto_DataType.INT32,
  i64: TensorProto_DataType.INT64,
  u8: TensorProto_DataType.UINT8,
  u4: TensorProto_DataType.UINT4,
};

/** Bytes of the ONNX model with these named outputs. For webgpu weights are inputs, and no file is located. */
export function encodeOnnx(
  outputs: Record<string, Value>,
  findWeight: (name: string) => WeightSource = (name) => {
    throw new Error(`Cannot find weight ${name}: the graph was built without weights`);
  },
  target: Target = "cpu",
): Uint8Array {
  const names = new Map<Value, string>();
  const outputNames = new Map(Object.entries(outputs).map(([name, value]) => [value, name]));
  const nodes: NodeProto[] = [];
  const inputs = new Map<string, ValueInfoProto>();
  const initializers = new Map<string, TensorProto>();
  let fresh = 0;

  const emitter: Emitter = {
    target,
    node(type, operands, attributes = {}, { domain = "", outputs: results } = {}) {
      const produced = results ?? [`t${fresh++}`];
      nodes.push(
        create(NodeProtoSchema, {
          name: `${type}_${nodes.length}`,
          opType: type,
          domain,
          input: [...operands],
          output: [...produced],
          attribute: Object.entries(attributes).map(encodeAttribute),
        }),
      );
      return produced[0]!;
    },
    ints(values) {
      const name = `ints:${values.join(",")}`;
      if (!initializers.has(name)) {
        const data = BigInt64Array.from(values, BigInt);
        initializers.set(name, encodeTensor(name, "i64", [values.length], { data: bytesOf(data) }));
      }
      return name;
    },
    tensor(dtype, dims, data) {
      const name = `c${fresh++}`;
      initializers.set(name, encodeTensor(name, dtype, dims, { data: bytesOf(data) }));
      return name;
    },
    input(name, type) {
      inputs.set(name, encodeValueInfo(name, type));
    },
    weight(name, type) {
      if (target === "webgpu") {
        inputs.set(name, encodeValueInfo(name, type));
        return;
      }
      if (initializers.has(name)) return;
      initializers.set(
        name,
        encodeTensor(name, type.dtype, type.shape as number[], findWeight(name)),
      );
    },
  };

  const order = trace(Object.values(outputs));
  const used = new Set([...outputNames.keys(), ...order.flatMap((node) => node.inputs)]);
  for (const node of order) {
    const operands = node.inputs.map((value) => names.get(value)!);
    const results = node.outputs.map((value) => {
      // An optional output that is never read prevents fused kernels; a first output is never optional.
      if (value.index > 0 && !used.has(value)) return "";
      const name = isSource(node)
        ? node.attributes.name
        : (outputNames.get(value) ?? `v${fresh++}`);
      names.set(value, name);
      return name;
    });
    (emissionRules[node.op] as EmissionRule<Primitive>)(node, operands, results, emitter);
  }

  for (const [name, value] of Object.entries(outputs)) {
    if (names.get(value) !== name) {
      emitter.node("Identity", [names.get(value)!], {}, { outputs: [name] });
    }
  }
  // Integers that only a gradient reads are sources of forward graphs too; they are not fed.
  const read = new Set(nodes.flatMap(({ input }) => input));
  const graph = create(GraphProtoSchema, {
    name: "rosa2",
    node: nodes,
    input: [...inputs.values()].filter(({ name }) => target === "cpu" || read.has(name)),
    initializer: [...initializers.values()],
    output: Object.entries(outputs).map(([name, value]) => encodeValueInfo(name, value)),
  });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(irVersion),
      producerName: "rosa2",
      opsetImport: [
        create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(opset) }),
        create(OperatorSetIdProtoSchema, { domain: "com.microsoft", version: 1n }),
      ],
      graph,
    }),
  );
}

function isSource(node: Node): node is Node<"input" | "weight"> {
  return node.op === "input" || node.op === "weight";
}

function encodeAttribute([name, value]: [string, OnnxAttribute]): AttributeProto {
  if (typeof value === "number") {
    const type = AttributeProto_AttributeType.INT;
    return create(AttributeProtoSchema, { name, type, i: BigInt(value) });
  }
  if (typeof value === "string") {
    const type = AttributeProto_AttributeType.STRING;
    return create(AttributeProtoSchema, { name, type, s: new TextEncoder().encode(value) });
  }
  if ("float" in value) {
    const type = AttributeProto_AttributeType.FLOAT;
    return create(AttributeProtoSchema, { name, type, f: value.float });
  }
  const type = AttributeProto_AttributeType.INTS;
  return create(AttributeProtoSchema, { name, type, ints: value.map(BigInt) });
}

function encodeTensor(
  name: string,
  dtype: DType,
  dims: readonly number[],
  source: WeightSource,
): TensorProto {
  const base = { name, dataType: dataTypes[dtype], dims: dims.map(BigInt) };
  if ("data" in source) {
    return create(TensorProtoSchema, { ...base, rawData: source.data as Uint8Array<ArrayBuffer> });
  }
  return create(TensorProtoSchema, {
    ...base,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries({
      location: source.file,
      offset: String(source.offset),
      length: String(source.length),
    }).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  });
}

function encodeValueInfo(name: string, type: Type): ValueInfoProto {
  for (const dim of type.shape) {
    if (typeof dim === "number" && dim < 0) throw new Error(`Cannot encode ${formatType(type)}`);
  }
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, {
      value: {
        case: "tensorType",
        value: create(TypeProto_TensorSchema, {
          elemType: dataTypes[type.dtype],
          shape: create(TensorShapeProtoSchema, {
            dim: type.shape.map((dim) =>
              create(TensorShapeProto_DimensionSchema, {
                value:
                  typeof dim === "number"
                    ? { case: "dimValue", value: BigInt(dim) }
                    : { case: "dimParam", value: dim },
              }),
            ),
          }),
        }),
      },
    }),
  });
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
