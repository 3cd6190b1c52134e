/**
 * The entry: keeps compiled code for the next start, then starts the service (start.ts). Reading and stripping some
 * hundred TypeScript files anew, in two threads, would be a third of a start.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { cacheDirectory } from "./disk/cache-directory.ts";

process.env.NODE_COMPILE_CACHE ??= join(cacheDirectory(), "code");
enableCompileCache(process.env.NODE_COMPILE_CACHE);
// Imported from here on; worker threads read the variable when they start.
await import("./start.ts");
