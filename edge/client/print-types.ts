/** JSON schemas as TypeScript declarations. It knows the few keywords that zod writes, and no formatting. */

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
}

/**
 * One exported declaration a schema, in the order of their names, and the closed sets of error codes.
 *
 * @throws Error for a schema that it has no TypeScript for.
 */
export function printTypes(
  schemas: Record<string, unknown>,
  errorCodes: Record<string, { type: string }>,
): string {
  const names = Object.keys(schemas).sort();
  const codes = Object.keys(errorCodes);
  const types = [...new Set(Object.values(errorCodes).map(({ type }) => type))];
  return [
    "/** The API's schemas as types. Written by generate.ts from the routes; do not edit. */\n",
    ...names.map((name) => declare(name, schemas[name] as Schema)),
    `/** What an error answer's \`code\` can be. */\nexport type ErrorCode =${unionLines(codes)};\n`,
    `/** The coarse classes of errors. */\nexport type ErrorType =${unionLines(types)};\n`,
  ].join("\n");
}

function declare(name: string, schema: Schema): string {
  if (schema.allOf === undefined) return `export interface ${ownName(name)} ${print(schema, "")}\n`;
  const [base, own, ...rest] = schema.allOf;
  if (base?.$ref === undefined || own?.properties === undefined || rest.length > 0) {
    throw new Error(`Cannot declare ${name}: ${JSON.stringify(schema)}`);
  }
  return `export interface ${name} extends ${print(base, "")} ${print(own, "")}\n`;
}

/** "Error" would hide the language's own. */
function ownName(name: string): string {
  return name === "Error" ? "ErrorBody" : name;
}

function unionLines(values: string[]): string {
  return values.map((value) => `\n  | "${value}"`).join("");
}

function print(schema: Schema, indent: string): string {
  if (schema.$ref !== undefined) return ownName(schema.$ref.slice("#/components/schemas/".length));
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf !== undefined) {
    return schema.anyOf.map((one) => print(one, indent)).join(" | ");
  }
  const types = [schema.type ?? "unknown"].flat();
  return types.map((type) => printType(type, schema, indent)).join(" | ");
}

function printType(type: string, schema: Schema, indent: string): string {
  switch (type) {
    case "string":
    case "boolean":
    case "number":
    case "null":
    case "unknown":
      return type;
    case "integer":
      return "number";
    case "array": {
      const item = print(schema.items ?? {}, indent);
      return `(${item})[]`;
    }
    case "object":
      return printObject(schema, indent);
    default:
      throw new Error(`Cannot print a schema of type "${type}": ${JSON.stringify(schema)}`);
  }
}

function printObject(schema: Schema, indent: string): string {
  const inner = `${indent}  `;
  const rest = schema.additionalProperties;
  const value = typeof rest === "object" ? print(rest, inner) : "unknown";
  if (schema.properties === undefined) return `Record<string, ${value}>`;
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const optional = schema.required?.includes(name) === true ? "" : "?";
    const doc =
      property.description === undefined ? "" : `${inner}/** ${property.description} */\n`;
    return `${doc}${inner}${name}${optional}: ${print(property, inner)};\n`;
  });
  if (typeof rest === "object") lines.push(`${inner}[other: string]: ${value};\n`);
  return `{\n${lines.join("")}${indent}}`;
}
