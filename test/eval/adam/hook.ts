/** Preloaded into a deployment's processes (NODE_OPTIONS): replaces the product's update by Adam's. */
import { registerHooks } from "node:module";

const product = new URL("../../../gpu-service/src/adapt/adapt.ts", import.meta.url).href;
const adam = new URL("./adapt.ts", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    return found.url === product ? { ...found, url: adam } : found;
  },
});
