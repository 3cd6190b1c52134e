/** Values that come from outside the graph: fed inputs, checkpoint weights, constants. */
import type { EmissionOf, ProductsOf } from "./rules.ts";

const source = { none: "nothing comes before it" };

type Sources = "input" | "weight" | "constant";

export const sourcesEmission: EmissionOf<Sources> = {
  input: ({ attributes }, _, __, emitter) => emitter.input(attributes.name, attributes.type),

  weight: ({ attributes }, _, __, emitter) => emitter.weight(attributes.name, attributes.type),

  constant: ({ attributes: { type, data } }, _, [output], emitter) => {
    const dims = type.shape.map((dim) => {
      if (typeof dim === "string") throw new Error(`Cannot emit a constant of length ${dim}`);
      return dim;
    });
    emitter.node("Identity", [emitter.tensor(type.dtype, dims, data)], {}, { outputs: [output!] });
  },
};

export const sourcesProducts: ProductsOf<Sources> = {
  input: source,

  weight: source,

  constant: source,
};
