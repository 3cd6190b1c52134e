/**
 * Builds the page and the documents into dist/ when their sources have changed since the last build; without a change
 * it costs some milliseconds.
 */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { digestOfFiles } from "../../shared/command/digest.ts";
import { readFlagsOrExit } from "../../shared/command/flags.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const dist = join(folder, "dist");
/** Beside dist, whose every file is served. */
const cache = join(folder, ".cache");
/** The page alone, to which the documents are added. */
const page = join(cache, "page");
const stamps = join(cache, "built-from.json");
const sources = {
  page: [
    ...["src", "public", "index.html", "build.ts", "package.json"],
    ...["../client/src", "../src/docs/glossary.ts"],
  ],
  documents: ["build.ts", "../src", "../../shared/src", "../client/examples"],
};

/** Whether it had to build. Two at a time do no harm: each builds aside and puts its result in place. */
async function build(): Promise<boolean> {
  const wanted = {
    page: digestOfFiles(folder, sources.page),
    documents: digestOfFiles(folder, sources.documents),
  };
  const built = existsSync(join(dist, "index.html")) && existsSync(page) ? readStamps() : {};
  const isPageNew = built.page !== wanted.page;
  if (!isPageNew && built.documents === wanted.documents) return false;
  mkdirSync(cache, { recursive: true });
  if (isPageNew) {
    const draft = `${page}-${process.pid}`;
    await buildPage(draft);
    replace(page, draft);
  }
  const draft = join(cache, `dist-${process.pid}`);
  cpSync(page, draft, { recursive: true });
  await writeDocuments(draft);
  replace(dist, draft);
  writeFileSync(stamps, JSON.stringify(wanted));
  return true;
}

function readStamps(): Partial<Record<keyof typeof sources, string>> {
  return existsSync(stamps) ? JSON.parse(readFileSync(stamps, "utf8")) : {};
}

function replace(folder: string, by: string): void {
  rmSync(folder, { recursive: true, force: true });
  renameSync(by, folder);
}

async function buildPage(outDir: string): Promise<void> {
  const vite = await import("vite");
  await vite.build({
    root: folder,
    configFile: false,
    logLevel: "warn",
    // The package's own entry is built only when it is packed.
    resolve: { alias: { rosa2: join(folder, "../client/src/index.ts") } },
    // Tests build it too: what they leave in dist must not name the files of their machine.
    oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2022",
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      rolldownOptions: {
        input: { index: join(folder, "index.html"), docs: join(folder, "src/docs/main.ts") },
        // The documents know their script by this name.
        output: {
          entryFileNames: ({ name }) => (name === "docs" ? "docs.js" : "assets/[name]-[hash].js"),
        },
      },
    },
  });
}

/** Known by address alone, because the Worker's global types and Node's do not go together. */
const documents = new URL("../src/docs/files.ts", import.meta.url).href;

async function writeDocuments(into: string): Promise<void> {
  const { documentFiles } = (await import(documents)) as {
    documentFiles(
      readExample: (file: string) => string,
    ): Promise<{ files: Record<string, string>; headers: string }>;
  };
  const { files, headers } = await documentFiles((file) =>
    readFileSync(join(folder, "../client/examples", file), "utf8"),
  );
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(into, path)), { recursive: true });
    writeFileSync(join(into, path), text);
  }
  appendFileSync(join(into, "_headers"), `\n${headers}\n`);
}

const usage = `npm run build:playground [-- --help]

Builds the page and the documents into edge/playground/dist, where their sources have changed since the last time. npm
start does it too.

  --help   this text`;

readFlagsOrExit(usage, {});
const startedAt = performance.now();
const isNew = await build();
const ms = Math.round(performance.now() - startedAt);
console.log(isNew ? `Playground built in ${ms} ms.` : "Playground is up to date.");
