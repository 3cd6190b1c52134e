/** Where wrangler's command line lies. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const manifest = fileURLToPath(import.meta.resolve("wrangler/package.json"));

/** Wrangler's command line, to be run by this Node: a process of its own, as its memory goes with it. */
export const wranglerScript = join(dirname(manifest), "bin/wrangler.js");
