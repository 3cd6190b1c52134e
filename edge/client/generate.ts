/**
 * Writes what has its source elsewhere: src/types.ts, the API's named schemas as TypeScript, from the document
 * that the routes generate; and the examples that /docs shows, from examples/. `--check` writes nothing and
 * fails when a file is out of date.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { errorCodes } from "@rosa2/shared/errors";
import { readFlagsOrExit } from "../local/flags.ts";
import { printTypes } from "./print-types.ts";

const { check } = readFlagsOrExit(
  `npm run client:types [-- --check]

Writes the client's types and the documents' examples from their sources.

  --check   writes nothing; ends with 1 where a file is out of date
  --help    this text`,
  { check: { type: "boolean" } },
);

interface OpenApiSource {
  getOpenAPI31Document(info: object): { components?: { schemas?: Record<string, unknown> } };
}

/** Known by address alone, because the Worker's global types and Node's do not go together. */
const app: string = new URL("../src/app.ts", import.meta.url).href;
const { createApp } = (await import(app)) as { createApp(): OpenApiSource };
const document = createApp().getOpenAPI31Document({
  openapi: "3.1.0",
  info: { title: "rosa2", version: "0" },
});
const written = {
  "edge/client/src/types.ts": printTypes(document.components?.schemas ?? {}, errorCodes),
  "edge/src/docs/examples.ts": printExamples({
    curl: "quick-start.sh",
    TypeScript: "quick-start.ts",
    Python: "quick-start.py",
    "Your back end": "token-server.ts",
    "React Native": "ChatScreen.tsx",
    Swift: "quick-start.swift",
    Kotlin: "quick-start.kt",
  }),
};
for (const [name, source] of Object.entries(written)) {
  const file = fileURLToPath(new URL(`../../${name}`, import.meta.url));
  const text = format(name, source);
  if (check !== true) {
    writeFileSync(file, text);
  } else if (readFileSync(file, "utf8") !== text) {
    console.error(`${name} is out of date: run npm run client:types`);
    process.exitCode = 1;
  }
}

/** A module of texts by language; each file is whole, so that what is shown is what was compiled and run. */
function printExamples(files: Record<string, string>): string {
  const entries = Object.entries(files).map(([language, file]) => {
    const text = readFileSync(new URL(`./examples/${file}`, import.meta.url), "utf8");
    const literal = text.replace(/[\\`]|\$(?=\{)/g, "\\$&");
    return `${JSON.stringify(language)}: { file: ${JSON.stringify(file)}, text: \`${literal}\` },`;
  });
  return [
    "/** The examples of edge/client/examples as texts. Written by edge/client/generate.ts; do not edit. */\n",
    `export const examples = {\n${entries.join("\n")}\n};\n`,
  ].join("\n");
}

function format(name: string, source: string): string {
  const biome = fileURLToPath(import.meta.resolve("@biomejs/biome/bin/biome"));
  const args = [biome, "check", "--write", `--stdin-file-path=${name}`];
  return execFileSync(process.execPath, args, { input: source, encoding: "utf8" });
}
