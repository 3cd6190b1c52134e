/**
 * Builds the package that is published, into dist/ or the folder given: JavaScript, declarations, readme,
 * and a package.json that points at them. `npm publish edge/client/dist` follows.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
const dist = resolve(process.argv[2] ?? join(folder, "dist"));

rmSync(dist, { recursive: true, force: true });
const tsc = join(fileURLToPath(import.meta.resolve("typescript/package.json")), "../bin/tsc");
execFileSync(process.execPath, [tsc, "-p", folder, "--outDir", dist], { stdio: "inherit" });

const { scripts: _, ...manifest } = JSON.parse(
  readFileSync(join(folder, "package.json"), "utf8"),
) as Record<string, unknown>;
const exports = { ".": { types: "./index.d.ts", default: "./index.js" } };
writeFileSync(join(dist, "package.json"), `${JSON.stringify({ ...manifest, exports }, null, 2)}\n`);
copyFileSync(join(folder, "README.md"), join(dist, "README.md"));
