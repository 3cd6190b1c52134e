/**
 * The API reference as one page of HTML, made from the OpenAPI document; it loads nothing from other servers. It can be
 * read without scripts; its script adds search, copying, tabs and trying out calls.
 */
import { html } from "hono/html";
import { exampleOf, fieldsOf, type Html, prose, type Schema, typeOf } from "./schema.ts";
import { documentPage } from "./shell.ts";
import { type CallShown, snippetsOf } from "./snippets.ts";
import { languageTabs } from "./tabs.ts";

export interface Header {
  description: string;
  schema: Schema;
}

export type Content = Record<
  string,
  {
    schema?: Schema;
    "x-events"?: Record<string, Schema>;
    example?: unknown;
    examples?: Record<string, { summary: string; value: unknown }>;
  }
>;

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<
    string,
    { description: string; headers?: Record<string, Header>; content?: Content }
  >;
}

/** The first conversation by language: files of `edge/client/examples`. */
export const exampleFiles = {
  curl: "quick-start.sh",
  TypeScript: "quick-start.ts",
  Python: "quick-start.py",
  "Your back end": "token-server.ts",
  "React Native": "ChatScreen.tsx",
  Swift: "quick-start.swift",
  Kotlin: "quick-start.kt",
} as const;
type ExampleLanguage = keyof typeof exampleFiles;
/** The texts of these files. */
export type ExampleTexts = Record<ExampleLanguage, string>;

/** The parts of an OpenAPI 3.1 document that the page shows. */
export interface ApiDocument {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  /** By the type of the message. */
  webhooks?: Record<string, { post: Operation }>;
  paths?: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

interface Entry extends Operation {
  id: string;
  method: string;
  path: string;
}

export function referencePage(document: ApiDocument, examples: ExampleTexts): Html {
  const named = document.components?.schemas ?? {};
  const entries = Object.entries(document.paths ?? {}).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, operation]): Entry => ({
        ...operation,
        id: `${method}${path.replace(/[^a-z]+/gi, "-")}`.replace(/-$/, ""),
        method,
        path,
      }),
    ),
  );
  const groups = (document.tags ?? []).map(({ name }) => ({
    name,
    entries: entries.filter(({ tags }) => tags?.[0] === name),
  }));
  const messages = Object.entries(document.webhooks ?? {});
  const { title, version, description } = document.info;
  return documentPage({
    title: `${title} API`,
    description:
      "Reference of the rosa2 API: every call with its fields, its answers and an example in curl, TypeScript and Python.",
    menu: html`<a href="/docs/guides">Guides</a>
<a href="/openapi.json">OpenAPI document</a>
<a href="#start">First conversation</a>
${groups.map(
  (group) =>
    html`<h2>${group.name}</h2><ul>${group.entries.map(
      ({ id, summary, path }) => html`<li><a href="#${id}">${shorten(summary ?? path)}</a></li>`,
    )}${group.name === "Webhooks" ? messages.map(([type]) => html`<li><a href="#message-${type}">${type}</a></li>`) : ""}</ul>`,
)}
<h2><a href="#schemas">Schemas</a></h2>`,
    content: html`<p class="dim">Version ${version}</p>
${textOf(description ?? "")}
<p>Send an API key with every call below <code>/v1</code>: <code>Authorization: Bearer rosa2_…</code></p>
${firstConversation(examples)}
${groups.map(
  (group) =>
    html`<h2>${group.name}</h2>${group.entries.map((entry) => operationOf(entry, named))}${group.name === "Webhooks" ? messages.map(([type, { post }]) => messageOf(type, post)) : ""}`,
)}
<h2 id="schemas">Schemas</h2>
${Object.entries(named).map(
  ([name, schema]) => html`<section class="schema" id="schema-${name}">
<h3>${name}</h3>
${schema.description === undefined ? "" : html`<p>${prose(schema.description)}</p>`}
${fieldsOf(schema) || typeOf(schema)}
</section>`,
)}`,
  });
}

/** The same conversation in each language, whole files that run as they are. */
function firstConversation(examples: ExampleTexts): Html {
  return html`<section id="start">
<h2>First conversation</h2>
<p>Open a session, ask, say what the reply should have been, and ask again: the session's words and weights have adapted. With <code>stream</code> every answer comes as server-sent events, numbered, so that a phone that lost its signal goes on after the last one it saw (<code>Last-Event-ID</code>). A POST with the same <code>Idempotency-Key</code> and body gives the same answer again.</p>
${languageTabs(
  "first-conversation",
  examples,
  (language) => exampleFiles[language as ExampleLanguage],
)}
<p class="dim">The files are in <code>edge/client/examples</code>; TypeScript and React Native use the client <code>rosa2</code>, the others nothing but what they bring.</p>
</section>`;
}

function operationOf(entry: Entry, named: Record<string, Schema>): Html {
  const { id, method, path, summary, description, parameters = [], requestBody } = entry;
  const call = callOf(entry, named);
  return html`<section class="operation" id="${id}" data-method="${method}" data-path="${call.path}" data-body="${call.body === undefined ? "" : JSON.stringify(call.body, null, 2)}">
<h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code></h3>
<p>${prose(summary ?? "")}</p>
${description === undefined || description === `${summary}.` ? "" : html`<p class="dim">${prose(description)}</p>`}
${languageTabs(id, snippetsOf(call))}
${parametersOf("Parameters", parameters)}
${bodyOf(requestBody)}
<h4>Answers</h4>
<dl>${Object.entries(entry.responses).map(
    ([status, answer]) =>
      html`<dt><code>${status}</code></dt><dd>${prose(answer.description)}${Object.entries(
        answer.content ?? {},
      ).map(
        ([type, { schema = {} }]) =>
          html` <span class="dim">${type === "application/json" ? typeOf(schema) : type}</span>`,
      )}</dd>`,
  )}</dl>
${answerExamplesOf(entry)}
</section>`;
}

/** A message to a tenant's own server. */
function messageOf(
  type: string,
  { summary = "", parameters = [], requestBody, responses }: Operation,
): Html {
  return html`<section class="schema" id="message-${type}">
<h3><span class="method post">POST</span> <code>${type}</code></h3>
<p>${prose(summary)}</p>
<p class="dim">Sent to the <code>url</code> of each webhook that wants it.</p>
${parametersOf("Headers", parameters)}
${bodyOf(requestBody)}
${examplesOf("Example", requestBody?.content)}
<h4>Your answer</h4>
<dl>${Object.entries(responses).map(
    ([status, { description }]) =>
      html`<dt><code>${status}</code></dt><dd>${prose(description)}</dd>`,
  )}</dl>
</section>`;
}

function parametersOf(title: string, parameters: readonly Parameter[]): Html | "" {
  if (parameters.length === 0) return "";
  return html`<h4>${title}</h4><ul class="fields">${parameters.map(
    (
      parameter,
    ) => html`<li><code>${parameter.name}</code> <span class="dim">${parameter.in}, ${typeOf(parameter.schema ?? {})}${parameter.required === true ? "" : ", optional"}</span>
<p>${prose(parameter.description ?? parameter.schema?.description ?? "")}</p></li>`,
  )}</ul>`;
}

function bodyOf(body: Operation["requestBody"]): Html[] {
  return Object.entries(body?.content ?? {}).map(
    ([type, { schema = {} }]) =>
      html`<h4>Body <span class="dim">${type}</span></h4><p>${typeOf(schema)}</p>${schema.$ref === undefined ? fieldsOf(schema) : ""}`,
  );
}

/** Examples of successful answers, folded. */
function answerExamplesOf({ responses }: Entry): Html[] {
  return Object.entries(responses).flatMap(([status, { content }]) =>
    examplesOf(`Example of ${status}`, content),
  );
}

function examplesOf(title: string, content: Content = {}): Html[] {
  return Object.entries(content).flatMap(([type, { example }]) =>
    example === undefined
      ? []
      : [
          html`<details><summary>${title}, ${type}</summary><pre tabindex="0">${
            typeof example === "string" ? example : JSON.stringify(example, null, 2)
          }</pre></details>`,
        ],
  );
}

/** Converts the document's Markdown to HTML, as far as the document uses it: paragraphs, one list, code. */
function textOf(markdown: string): Html[] {
  return markdown
    .split("\n\n")
    .map((block) =>
      block.startsWith("- ")
        ? html`<ul>${block.split("\n").map((line) => html`<li>${prose(line.slice(2))}</li>`)}</ul>`
        : html`<p>${prose(block)}</p>`,
    );
}

function callOf(entry: Entry, named: Record<string, Schema>): CallShown {
  const { method, path, parameters = [], requestBody, security } = entry;
  const { schema, example } = requestBody?.content["application/json"] ?? {};
  const query = parameters
    .filter(({ in: place, required }) => place === "query" && required === true)
    .map(({ name }) => `${name}={${name}}`)
    .join("&");
  return {
    method,
    path: query === "" ? path : `${path}?${query}`,
    secured: security !== undefined && security.length > 0,
    body: schema === undefined ? undefined : (example ?? exampleOf(schema, named)),
  };
}

/** Shortens a text for the menu. */
function shorten(text: string): string {
  const short = text.split(/[;:]/)[0] ?? text;
  return short.length > 44 ? `${short.slice(0, 43)}…` : short;
}
