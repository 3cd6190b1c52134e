import { describe, expect, it } from "vitest";
import { type ExampleTexts, exampleFiles, referencePage } from "../../edge/src/docs/page.ts";
import { apiDocument, newTenant } from "./support/client.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Operation {
  operationId?: string;
  tags?: string[];
  summary?: string;
  responses: Record<string, Json>;
}
interface Document {
  openapi: string;
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, Json>;
  components: { schemas: Record<string, Json> };
}

const document = apiDocument() as unknown as Document;
/** The files themselves are shown in test/e2e/openapi.test.ts. */
const examples = Object.fromEntries(
  Object.entries(exampleFiles).map(([language, file]) => [language, `<${file}> & "its text"`]),
) as ExampleTexts;
const pageOf = async () => String(await referencePage(apiDocument(), examples));

function references(value: Json, found: string[] = []): string[] {
  if (Array.isArray(value)) for (const item of value) references(item, found);
  else if (value !== null && typeof value === "object") {
    if (typeof value.$ref === "string") found.push(value.$ref);
    for (const item of Object.values(value)) references(item, found);
  }
  return found;
}

describe("the API's documents", () => {
  it("describe every route with a summary, its success and its errors", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths)).toHaveLength(38);
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const name = `${method} ${path}`;
        expect(operation.summary, name).toBeTruthy();
        const statuses = Object.keys(operation.responses);
        expect(
          statuses.some((status) => status.startsWith("2")),
          name,
        ).toBe(true);
        if (path.startsWith("/v1/")) expect(statuses, name).toContain("401");
      }
    }
  });

  it("give every operation a name of its own and one of the tags that they describe", () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    const names = operations.map(({ operationId }) => operationId ?? "");
    for (const name of names) expect(name).toMatch(/^(get|post|put|patch|delete)[A-Z][A-Za-z]+$/);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("postSessionTurnFeedback");
    const tags = document.tags.map(({ name }) => name);
    for (const operation of operations) {
      expect(operation.tags).toHaveLength(1);
      expect(tags).toContain(operation.tags?.[0]);
    }
  });

  it("say what webhooks are sent, by the type of the message", () => {
    expect(Object.keys(document.webhooks)).toEqual([
      "adaptation.updated",
      "adaptation.rolled_back",
      "budget.near",
    ]);
  });

  it("refer only to schemas that they hold", () => {
    const names = Object.keys(document.components.schemas);
    for (const reference of references(document as unknown as Json)) {
      expect(names).toContain(reference.replace("#/components/schemas/", ""));
    }
  });

  it("are shown whole by the reference page, which loads its icon and its own script and nothing from elsewhere", async () => {
    const page = await pageOf();
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const { summary } of Object.values(operations)) {
        expect(page, path).toContain(`<code>${path}</code>`);
        const said = escaped(summary ?? "").replace(/`([^`]*)`/g, "<code>$1</code>");
        expect(page, path).toContain(`<p>${said}</p>`);
      }
    }
    const messages = ["adaptation.updated", "adaptation.rolled_back", "budget.near"];
    for (const type of messages)
      expect(page).toContain(`<section class="schema" id="message-${type}">`);
    expect(page.split("<li><code>webhook-signature</code>")).toHaveLength(messages.length + 1);
    // Every link inside the page has its target, and no address leads elsewhere.
    const links = [...page.matchAll(/ (?:href|src)="([^"]*)"/g)].map(([, target = ""]) => target);
    expect(links.length).toBeGreaterThan(60);
    for (const target of links) {
      if (target.startsWith("#")) expect(page).toContain(`id="${target.slice(1)}"`);
      else {
        const own = ["/", "/docs/guides", "/openapi.json", "/icon.svg", "/docs.js"];
        expect(own).toContain(target);
      }
    }
    expect(page.match(/<(script|link)\b[^>]*>/gi)).toEqual([
      '<link rel="icon" href="/icon.svg" type="image/svg+xml">',
      '<script type="module" src="/docs.js">',
    ]);
    expect(page).not.toMatch(/<(img|iframe|object)\b/i);
    expect(page.match(/<style>[^<]*/)?.[0]).not.toMatch(/@import|url\(/i);
  });

  it("begin with one conversation in the languages that apps are written in, and what mints their tokens", async () => {
    const page = await pageOf();
    expect(Object.keys(examples)).toEqual([
      "curl",
      "TypeScript",
      "Python",
      "Your back end",
      "React Native",
      "Swift",
      "Kotlin",
    ]);
    for (const text of Object.values(examples)) {
      expect(page).toContain(escaped(text).replaceAll("<", "&lt;").replaceAll(">", "&gt;"));
    }
  });
});

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

describe("health", () => {
  it("tells the GPU service's state", async () => {
    const caller = await newTenant();
    expect(await caller.get("/health")).toMatchObject({
      status: "ok",
      gpu: { status: "ok", model: "fake-mini" },
    });
    expect(await caller.get("/v1/models")).toMatchObject({
      object: "list",
      data: [{ id: "fake-mini", object: "model" }],
    });
  });
});
