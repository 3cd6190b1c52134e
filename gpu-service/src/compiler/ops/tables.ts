/** One table for each transformation. A missing primitive does not type-check. */
import type { Primitive } from "../ir/types.ts";
import { elementwiseEmission, elementwiseProducts } from "./elementwise.ts";
import { linearEmission, linearProducts } from "./linear.ts";
import { neuralEmission, neuralProducts } from "./neural.ts";
import type { EmissionOf, ProductsOf } from "./rules.ts";
import { shapingEmission, shapingProducts } from "./shaping.ts";
import { sourcesEmission, sourcesProducts } from "./sources.ts";

export const emissionRules: EmissionOf<Primitive> = {
  ...sourcesEmission,
  ...elementwiseEmission,
  ...linearEmission,
  ...shapingEmission,
  ...neuralEmission,
};

export const productRules: ProductsOf<Primitive> = {
  ...sourcesProducts,
  ...elementwiseProducts,
  ...linearProducts,
  ...shapingProducts,
  ...neuralProducts,
};
