/**
 * Writes client/src/types.ts: the API's types, made by openapi-typescript from the document that the routes generate.
 * `--check` writes nothing and fails when the file is out of date.
 *
 * A workspace of its own, because openapi-typescript needs TypeScript 5.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { errorCodes } from "@rosa2/shared/errors";
import openapiTS, { astToString, type OpenAPI3 } from "openapi-typescript";
import { readFlagsOrExit } from "../../../shared/command/flags.ts";

const { check } = readFlagsOrExit(
  `npm run client:types [-- --check]

Writes the client's types from the routes' schemas.

  --check   writes nothing; ends with 1 where the file is out of date
  --help    this text`,
  { check: { type: "boolean" } },
);

/** Known by address alone, because the Worker's global types and Node's do not go together. */
const address = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href;
const { createApp } = (await import(address("app.ts"))) as { createApp(): object };
const { describeApi } = (await import(address("docs/document.ts"))) as {
  describeApi(app: object): OpenAPI3;
};
const name = "edge/client/src/types.ts";
const file = fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const text = format(await printTypes(describeApi(createApp())));
if (check !== true) {
  writeFileSync(file, text);
} else if (readFileSync(file, "utf8") !== text) {
  console.error(`${name} is out of date: run npm run client:types`);
  process.exitCode = 1;
}

interface Body {
  headers?: object;
  content?: Record<string, { example?: unknown; examples?: unknown }>;
}

interface Operation {
  summary?: string;
  description?: string;
  requestBody?: Body;
  responses: Record<string, Body & { $ref?: string }>;
}

/**
 * The document as a client of JSON needs it. All errors are one answer, and headers are left out. Of an answer that may
 * be a stream only the JSON is kept, because a stream has no type. Examples stay at the schemas.
 */
function lean(document: OpenAPI3): OpenAPI3 {
  const copy = structuredClone(document) as unknown as {
    paths: Record<string, Record<string, Operation>>;
    components: { responses?: object };
  };
  const operations = Object.values(copy.paths).flatMap((path) => Object.values(path));
  for (const operation of operations) {
    const { requestBody = {}, responses } = operation;
    if (operation.description === `${operation.summary}.`) delete operation.description;
    leanBody(requestBody);
    for (const [status, answer] of Object.entries(responses)) {
      if (Number(status) >= 400) delete responses[status];
      else leanBody(answer);
    }
    responses.default = { $ref: "#/components/responses/Failure" };
  }
  const schema = { $ref: "#/components/schemas/Error" };
  const content = { "application/json": { schema } };
  copy.components.responses = { Failure: { description: "What went wrong", content } };
  return copy as unknown as OpenAPI3;
}

function leanBody(body: Body): void {
  const { content = {} } = body;
  delete body.headers;
  if (content["application/json"] !== undefined) delete content["text/event-stream"];
  for (const type of Object.values(content)) {
    delete type.example;
    delete type.examples;
  }
}

/** The document's paths and schemas, each schema under its own name as well, and the closed sets of errors. */
async function printTypes(document: OpenAPI3): Promise<string> {
  // A property with a default need not be sent.
  const types = await openapiTS(lean(document), { defaultNonNullable: false });
  const api = withoutNever(astToString(types));
  const aliases = Object.keys(document.components?.schemas ?? {})
    .sort()
    .map((name) => {
      // "Error" would hide the language's own.
      const own = name === "Error" ? "ErrorBody" : name;
      return `export type ${own} = components["schemas"]["${name}"];`;
    });
  const classes = [...new Set(Object.values(errorCodes).map(({ type }) => type))];
  return [
    "/** The API as types. Written by generator/generate.ts from the routes; do not edit. */\n",
    api,
    ...aliases,
    `\n/** What an error answer's \`code\` can be. */\nexport type ErrorCode =${unionLines(Object.keys(errorCodes))};\n`,
    `/** The coarse classes of errors. */\nexport type ErrorType =${unionLines(classes)};\n`,
  ].join("\n");
}

/** Without the members that say what a path, a call or an answer has not. A type without them allows no more. */
function withoutNever(source: string): string {
  return source
    .replace(/^ *\w+\?: never;\n/gm, "")
    .replace(/^ *headers: \{\n *\[name: string\]: unknown;\n *\};\n/gm, "")
    .replace(/^ *parameters: \{\s*\};\n/gm, "")
    .replace(/: \{\s*\};/g, ": Record<string, never>;");
}

function unionLines(values: string[]): string {
  return values.map((value) => `\n  | "${value}"`).join("");
}

function format(source: string): string {
  const biome = fileURLToPath(import.meta.resolve("@biomejs/biome/bin/biome"));
  const args = [biome, "check", "--write", `--stdin-file-path=${name}`];
  return execFileSync(process.execPath, args, { input: source, encoding: "utf8" });
}
