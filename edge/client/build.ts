/** Builds what the package holds, into dist/: JavaScript and declarations. `npm pack` runs it. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
rmSync(join(folder, "dist"), { recursive: true, force: true });
const tsc = join(fileURLToPath(import.meta.resolve("typescript/package.json")), "../bin/tsc");
execFileSync(process.execPath, [tsc, "-p", folder], { stdio: "inherit" });
