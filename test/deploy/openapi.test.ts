/** The API's document under the rules of two linters that its users run. */
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { type RulesetDefinition, Spectral } from "@stoplight/spectral-core";
import { oas } from "@stoplight/spectral-rulesets";
import { expect, it } from "vitest";

/** Known by address alone, because the Worker's global types and Node's do not go together. */
const addresses: string[] = ["app.ts", "docs/document.ts"].map(
  (file) => new URL(`../../edge/src/${file}`, import.meta.url).href,
);
const [app, documents] = (await Promise.all(addresses.map((one) => import(one)))) as [
  { createApp(): object },
  { describeApi(app: object): object },
];
const document = documents.describeApi(app.createApp());

it("has nothing that redocly finds fault with", async () => {
  const config = await createConfig({
    extends: ["recommended"],
    // Health answers 200 whatever is wrong, so that it can say what is.
    rules: { "operation-4xx-response": "off" },
  });
  const source = JSON.stringify(document);
  const problems = await lintFromString({ source, absoluteRef: "/openapi.json", config });
  expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
});

it("has nothing that spectral finds fault with", async () => {
  const spectral = new Spectral();
  // The contact depends on the deployment.
  const rules = oas as unknown as RulesetDefinition;
  spectral.setRuleset({ extends: [rules], rules: { "info-contact": "off" } });
  const problems = await spectral.run(document as Record<string, unknown>);
  expect(problems.map(({ code, path }) => `${code}: ${path.join(".")}`)).toEqual([]);
});

it("describes every field of every schema, and every parameter", () => {
  const undescribed: string[] = [];
  let [fieldCount, parameterCount] = [0, 0];
  const look = (value: unknown, path: string): void => {
    if (value === null || typeof value !== "object") return;
    const { properties, parameters } = value as {
      properties?: Record<string, { description?: string }>;
      parameters?: { name: string; description?: string }[];
    };
    for (const { name, description } of Array.isArray(parameters) ? parameters : []) {
      parameterCount++;
      if (!description) undescribed.push(`${path} parameter ${name}`);
    }
    for (const [name, field] of Object.entries(properties ?? {})) {
      fieldCount++;
      if (!field.description) undescribed.push(`${path}.${name}`);
    }
    for (const [name, part] of Object.entries(value)) {
      if (name !== "example" && name !== "examples") look(part, `${path}.${name}`);
    }
  };
  look(document, "");
  expect(undescribed).toEqual([]);
  // A search that finds no fields would find none undescribed: the document has 500.
  expect(fieldCount).toBeGreaterThanOrEqual(500);
  expect(parameterCount).toBeGreaterThan(50);
});

it("says of every stream which events it has, and of every answer which headers", () => {
  const { paths } = document as { paths: Record<string, Record<string, Operation>> };
  const streams = Object.values(paths)
    .flatMap((operations) => Object.values(operations))
    .flatMap(({ responses }) => Object.values(responses));
  for (const { headers } of streams) expect(headers).toHaveProperty("x-request-id");
  const events = streams.flatMap(({ content }) => content?.["text/event-stream"] ?? []);
  expect(events).toHaveLength(6);
  for (const { schema } of events) expect(schema.description).toMatch(/`/);
  expect(events.filter((stream) => stream["x-events"] !== undefined)).toHaveLength(4);
});

interface Operation {
  responses: Record<
    string,
    {
      headers?: object;
      content?: Record<string, { schema: { description?: string }; "x-events"?: object }>;
    }
  >;
}
