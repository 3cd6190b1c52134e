/**
 * Writes src/types.ts: the API's named schemas as TypeScript, from the document that the routes generate.
 * `--check` writes nothing and fails when the file is out of date.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { errorCodes } from "@rosa2/shared/errors";
import { printTypes } from "./print-types.ts";

interface OpenApiSource {
  getOpenAPI31Document(info: object): { components?: { schemas?: Record<string, unknown> } };
}

const file = fileURLToPath(new URL("./src/types.ts", import.meta.url));
/** Known by address alone, because the Worker's global types and Node's do not go together. */
const app: string = new URL("../src/app.ts", import.meta.url).href;
const { createApp } = (await import(app)) as { createApp(): OpenApiSource };
const document = createApp().getOpenAPI31Document({
  openapi: "3.1.0",
  info: { title: "rosa2", version: "0" },
});
const text = format(printTypes(document.components?.schemas ?? {}, errorCodes));

if (!process.argv.includes("--check")) {
  writeFileSync(file, text);
} else if (readFileSync(file, "utf8") !== text) {
  console.error("edge/client/src/types.ts is out of date: run npm run client:types");
  process.exit(1);
}

function format(source: string): string {
  const biome = fileURLToPath(import.meta.resolve("@biomejs/biome/bin/biome"));
  const args = [biome, "check", "--write", "--stdin-file-path=edge/client/src/types.ts"];
  return execFileSync(process.execPath, args, { input: source, encoding: "utf8" });
}
