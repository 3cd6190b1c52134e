/** Builds what the package holds, into dist/: JavaScript and declarations. `npm pack` runs it. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
rmSync(join(folder, "dist"), { recursive: true, force: true });
// The repository's own, not the older one that the generator beside this needs.
const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
execFileSync(process.execPath, [tsc, "-p", folder], { stdio: "inherit" });
