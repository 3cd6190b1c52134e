/** JSON schemas as HTML lists of fields. It knows the keywords that zod writes. */
import { html } from "hono/html";

export type Html = ReturnType<typeof html>;

export interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  description?: string;
  default?: unknown;
  example?: unknown;
  examples?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
}

function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

/** Prose in which backticks mark names of the API. */
export function prose(text: string): Html {
  return html`${text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

/** A schema's type in a few words; named schemas are links. */
export function typeOf(schema: Schema): Html {
  if (schema.$ref !== undefined) {
    const name = nameOf(schema.$ref);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) {
    return html`${choices.map((choice, index) => html`${index > 0 ? " or " : ""}${typeOf(choice)}`)}`;
  }
  if (schema.allOf !== undefined) {
    return html`${schema.allOf.map((part, index) => html`${index > 0 ? " with " : ""}${typeOf(part)}`)}`;
  }
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.enum !== undefined) {
    return html`<code>${schema.enum.map((value) => JSON.stringify(value)).join(" | ")}</code>`;
  }
  if (schema.items !== undefined) return html`array of ${typeOf(schema.items)}`;
  if (typeof schema.additionalProperties === "object" && schema.properties === undefined) {
    return html`map of ${typeOf(schema.additionalProperties)}`;
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? "anything"];
  return html`${types.join(" or ")}${boundsOf(schema)}`;
}

function boundsOf(schema: Schema): string {
  const range = (name: string, min: number | undefined, max: number | undefined) => {
    // zod writes the largest safe integers where no bound was given.
    const low = min !== undefined && min > -Number.MAX_SAFE_INTEGER ? min : undefined;
    const high = max !== undefined && max < Number.MAX_SAFE_INTEGER ? max : undefined;
    if (low === undefined && high === undefined) return "";
    if (high === undefined) return `, ${name}≥ ${low}`;
    return low === undefined ? `, ${name}≤ ${high}` : `, ${name}${low} to ${high}`;
  };
  return (
    range("", schema.minimum, schema.maximum) +
    range("length ", schema.minLength, schema.maxLength) +
    range("items ", schema.minItems, schema.maxItems)
  );
}

/** The fields of an object and its inner objects; other named schemas are linked, not repeated. */
export function fieldsOf(schema: Schema): Html | "" {
  const parts = [schema, ...(schema.allOf ?? [])];
  const inner = schema.items ?? schema;
  const properties = Object.assign({}, ...parts.map((part) => part.properties ?? {})) as Record<
    string,
    Schema
  >;
  const required = new Set(parts.flatMap((part) => part.required ?? []));
  if (Object.keys(properties).length === 0) {
    if (inner !== schema) return fieldsOf(inner);
    const choices = (schema.anyOf ?? schema.oneOf ?? []).filter(({ $ref }) => $ref === undefined);
    const first = choices.find(({ properties: own }) => own !== undefined);
    return first === undefined ? "" : fieldsOf(first);
  }
  return html`<ul class="fields">
    ${Object.entries(properties).map(
      ([name, field]) => html`<li>
        <code>${name}</code> <span class="dim">${typeOf(field)}${required.has(name) ? "" : ", optional"}${field.default === undefined ? "" : `, default ${JSON.stringify(field.default)}`}</span>
        ${field.description === undefined ? "" : html`<p>${prose(field.description)}</p>`}
        ${field.$ref === undefined ? fieldsOf(field) : ""}
      </li>`,
    )}
  </ul>`;
}

/** A value that fits the schema as far as its examples tell. Optional fields without an example are left out. */
export function exampleOf(schema: Schema, named: Record<string, Schema>, depth = 0): unknown {
  if (depth > 6) return undefined;
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.[0] !== undefined) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const next = (part: Schema) => exampleOf(part, named, depth + 1);
  if (schema.$ref !== undefined) {
    const target = named[nameOf(schema.$ref)];
    return target === undefined ? undefined : next(target);
  }
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map(next));
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices?.[0] !== undefined) return next(choices[0]);
  if (schema.properties !== undefined) {
    const required = new Set(schema.required ?? []);
    const entries = Object.entries(schema.properties).filter(
      ([name, field]) =>
        required.has(name) || field.example !== undefined || field.examples !== undefined,
    );
    return Object.fromEntries(entries.map(([name, field]) => [name, next(field)]));
  }
  if (schema.items !== undefined) return [next(schema.items)].filter((item) => item !== undefined);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "string") return "…";
  if (type === "boolean") return true;
  if (type === "integer" || type === "number") return schema.minimum ?? 0;
  return type === "null" ? null : {};
}
