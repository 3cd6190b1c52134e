/** Values that come from outside the graph: fed inputs, checkpoint weights, constants. */
import type { RulesOf } from "./rules.ts";

const source = { none: "nothing comes before it" };

export const sources: RulesOf<"input" | "weight" | "constant"> = {
  input: {
    infer: (_, { type }) => [type],
    emit: ({ attributes }, _, __, emitter) => emitter.input(attributes.name, attributes.type),
    gradient: source,
  },
  weight: {
    infer: (_, { type }) => [type],
    emit: ({ attributes }, _, __, emitter) => emitter.weight(attributes.name, attributes.type),
    gradient: source,
  },
  constant: {
    infer: (_, { type }) => [type],
    emit: ({ attributes: { type, data } }, _, [output], emitter) => {
      const dims = type.shape.map((dim) => {
        if (typeof dim === "string") throw new Error(`Cannot emit a constant of length ${dim}`);
        return dim;
      });
      emitter.node(
        "Identity",
        [emitter.tensor(type.dtype, dims, data)],
        {},
        { outputs: [output!] },
      );
    },
    gradient: source,
  },
};
