/**
 * Builds the page into dist/ when its sources have changed since the last build. Run, or import
 * `buildPlayground`; without a change it costs some milliseconds.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFlagsOrExit } from "../local/flags.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const dist = join(folder, "dist");
/** Beside dist, whose every file is served. */
const cache = join(folder, ".cache");
const stamp = join(cache, "built-from");
const sources = [
  "src",
  "public",
  "index.html",
  "build.ts",
  "package.json",
  "../client/src",
  "../src/docs/glossary.ts",
];

/** Whether it had to build. Two at a time do no harm: each builds aside and puts its result in place. */
export async function buildPlayground(): Promise<boolean> {
  const digest = digestOf(sources.map((name) => join(folder, name)));
  if (existsSync(join(dist, "index.html")) && existsSync(stamp)) {
    if (readFileSync(stamp, "utf8") === digest) return false;
  }
  const draft = join(cache, `dist-${process.pid}`);
  mkdirSync(cache, { recursive: true });
  const { build } = await import("vite");
  await build({
    root: folder,
    configFile: false,
    logLevel: "warn",
    // The package's own entry is built only when it is packed.
    resolve: { alias: { rosa2: join(folder, "../client/src/index.ts") } },
    // Tests build it too: what they leave in dist must not name the files of their machine.
    oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
    build: {
      outDir: draft,
      emptyOutDir: true,
      target: "es2022",
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      rolldownOptions: {
        input: { index: join(folder, "index.html"), docs: join(folder, "src/docs/main.ts") },
        // The Worker writes the documents and knows their script by this name.
        output: {
          entryFileNames: ({ name }) => (name === "docs" ? "docs.js" : "assets/[name]-[hash].js"),
        },
      },
    },
  });
  rmSync(dist, { recursive: true, force: true });
  renameSync(draft, dist);
  writeFileSync(stamp, digest);
  return true;
}

function digestOf(paths: string[]): string {
  const hash = createHash("sha256");
  for (const path of paths) {
    for (const file of filesOf(path)) hash.update(`${file}\n`).update(readFileSync(file));
  }
  return hash.digest("hex");
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch {
    return [path];
  }
}

const usage = `npm run build:playground [-- --help]

Builds the page into edge/playground/dist, where its sources have changed since the last time. npm start does it too.

  --help   this text`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  readFlagsOrExit(usage, {});
  const startedAt = performance.now();
  const built = await buildPlayground();
  const ms = Math.round(performance.now() - startedAt);
  console.log(built ? `Playground built in ${ms} ms.` : "Playground is up to date.");
}
