/** The OpenAPI document is valid OpenAPI 3.1, and its examples fit its schemas. */
import { readFileSync } from "node:fs";
import { registerSchema, validate } from "@hyperjump/json-schema/openapi-3-1";
import { beforeAll, describe, expect, it } from "vitest";

interface Media {
  schema?: { $ref?: string };
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}
interface Body {
  content?: Record<string, Media>;
}
type Operations = Record<string, { requestBody?: Body; responses: Record<string, Body> }>;
interface Document {
  paths: Record<string, Operations>;
  webhooks: Record<string, Operations>;
}

/** Known by address alone, because the Worker's global types and Node's do not go together. */
const files: string = new URL("../../edge/src/docs/files.ts", import.meta.url).href;
const address = "https://rosa2.test/openapi.json";
const dialect = "https://spec.openapis.org/oas/3.1/dialect/base";
const examples = new URL("../../edge/client/examples/", import.meta.url);
const readText = (file: string) => readFileSync(new URL(file, examples), "utf8");
let document: Document;
let written: Record<string, string>;

beforeAll(async () => {
  const { documentFiles } = (await import(files)) as {
    documentFiles(readExample: typeof readText): Promise<{ files: Record<string, string> }>;
  };
  written = (await documentFiles(readText)).files;
  document = JSON.parse(written["openapi.json"] ?? "") as Document;
  registerSchema(structuredClone(document) as never, address, dialect);
});

function errorsOf(checked: { valid: boolean; errors?: unknown }): string {
  return JSON.stringify(checked.errors ?? []).slice(0, 2000);
}

/** Each JSON body of the document: its path, its schema and its example. */
function bodies(): { place: string; media: Media }[] {
  return Object.entries({ ...document.paths, ...document.webhooks }).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { requestBody, responses }]) =>
      Object.entries({ body: requestBody, ...responses }).flatMap(([part, body]) => {
        const media = body?.content?.["application/json"];
        return media === undefined ? [] : [{ place: `${method} ${path} ${part}`, media }];
      }),
    ),
  );
}

describe("/openapi.json", () => {
  it("is valid OpenAPI 3.1, its schemas included", async () => {
    const checked = await validate(
      "https://spec.openapis.org/oas/3.1/schema-base",
      document as never,
      "DETAILED",
    );
    expect(checked.valid, errorsOf(checked)).toBe(true);
  });

  it("is refused by the validator when something is wrong with it", async () => {
    const broken = structuredClone(document) as unknown as { info: { title?: string } };
    delete broken.info.title;
    const checked = await validate(
      "https://spec.openapis.org/oas/3.1/schema-base",
      broken as never,
    );
    expect(checked.valid).toBe(false);
  });

  it("shows an example of every body and of every error, and each fits its schema", async () => {
    const turn = `${address}#/components/schemas/Turn`;
    expect((await validate(turn, { id: "turn_1" } as never)).valid).toBe(false);
    const shown = bodies();
    expect(shown.length).toBeGreaterThan(150);
    for (const { place, media } of shown) {
      const values = Object.values(media.examples ?? {}).map(({ value }) => value);
      if (media.example !== undefined) values.push(media.example);
      expect(values.length, place).toBeGreaterThan(0);
      const reference = media.schema?.$ref;
      if (reference === undefined) continue;
      for (const value of values) {
        const checked = await validate(`${address}${reference}`, value as never, "DETAILED");
        expect(checked.valid, `${place}: ${errorsOf(checked)}`).toBe(true);
      }
    }
  });

  it("shows the events of every stream", () => {
    const streams = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) => {
        const media = responses["200"]?.content?.["text/event-stream"];
        return media === undefined ? [] : [{ place: `${method} ${path}`, media }];
      }),
    );
    expect(streams).toHaveLength(6);
    for (const { place, media } of streams)
      expect(media.example, place).toMatch(/^(id|event|data): /);
  });
});

describe("/docs", () => {
  it.each([
    "quick-start.sh",
    "quick-start.ts",
    "quick-start.py",
    "token-server.ts",
    "ChatScreen.tsx",
  ])("shows the whole of %s", (file) => {
    const shown = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
    const text = readText(file).replace(/[&<>"']/g, (sign) => shown[sign as keyof typeof shown]);
    expect(written["docs.html"]).toContain(text);
  });
});
