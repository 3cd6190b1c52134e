/**
 * Replaces parts of zod that every bundle keeps and nothing here calls: schemas compiled to code, which a Worker may
 * not run, and schemas made from JSON Schema. A twentieth of the bundle.
 */
function absent(): never {
  throw new Error("This part of zod is left out of the bundle (wrangler.toml, alias)");
}

export { absent as compile, absent as compileFn, absent as fromJSONSchema, absent as withParser };
export const INVALID = Symbol.for("zod.compile.invalid");
export class ZodCompileAsyncError extends Error {}
export class ZodCompileUnsupportedError extends Error {}
