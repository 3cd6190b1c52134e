/**
 * The entry: keeps compiled code for the next start, then starts the service (start.ts). Compiling some hundred
 * TypeScript files again, in two threads, would take a third of a start.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { cacheDirectory } from "./disk/cache-directory.ts";

process.env.NODE_COMPILE_CACHE ??= join(cacheDirectory(), "code");
enableCompileCache(process.env.NODE_COMPILE_CACHE);
// Imported after the variable is set: worker threads read it when they start.
await import("./start.ts");
