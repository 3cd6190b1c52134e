/** One call of the API in each language of the reference. It knows requests, no markup. */

export interface CallShown {
  method: string;
  /** With required query parameters, and `{name}` for a path parameter. */
  path: string;
  /** Whether the call needs a key. */
  secured: boolean;
  /** Absent if the call has no JSON body. */
  body: unknown;
}

/** By language; the one that needs no installation comes first. */
export function snippetsOf(call: CallShown): Record<string, string> {
  return { curl: curlOf(call), TypeScript: typescriptOf(call), Python: pythonOf(call) };
}

/** `{s}` as `<s>`, which the reader replaces. */
function placed(path: string): string {
  return path.replace(/\{(\w+)\}/g, "<$1>");
}

function curlOf({ method, path, secured, body }: CallShown): string {
  const verb = method === "get" ? "" : `-X ${method.toUpperCase()} `;
  const lines = [`curl ${verb}"$ROSA2_URL${placed(path)}"`];
  if (secured) lines.push(`-H "Authorization: Bearer $ROSA2_KEY"`);
  if (body !== undefined) {
    const json = JSON.stringify(body).replaceAll("'", "'\\''");
    lines.push(`-H "Content-Type: application/json"`, `-d '${json}'`);
  }
  return lines.join(" \\\n  ");
}

function typescriptOf({ method, path, secured, body }: CallShown): string {
  const headers = [
    ...(secured ? [`Authorization: "Bearer " + process.env.ROSA2_KEY`] : []),
    ...(body === undefined ? [] : [`"Content-Type": "application/json"`]),
  ];
  const options = [
    ...(method === "get" ? [] : [`  method: ${JSON.stringify(method.toUpperCase())},`]),
    ...(headers.length === 0 ? [] : [`  headers: { ${headers.join(", ")} },`]),
    ...(body === undefined ? [] : [`  body: JSON.stringify(${JSON.stringify(body)}),`]),
  ];
  const address = `\`\${process.env.ROSA2_URL}${placed(path)}\``;
  const rest = options.length === 0 ? "" : `, {\n${options.join("\n")}\n}`;
  return [
    `const response = await fetch(${address}${rest});`,
    "console.log(response.status, await response.text());",
  ].join("\n");
}

function pythonOf({ method, path, secured, body }: CallShown): string {
  const headers = [
    ...(secured ? [`"Authorization": "Bearer " + os.environ["ROSA2_KEY"]`] : []),
    ...(body === undefined ? [] : [`"Content-Type": "application/json"`]),
  ];
  return [
    `import ${body === undefined ? "" : "json, "}os, urllib.request`,
    "",
    "request = urllib.request.Request(",
    `    os.environ["ROSA2_URL"] + ${JSON.stringify(placed(path))},`,
    `    method=${JSON.stringify(method.toUpperCase())},`,
    ...(headers.length === 0 ? [] : [`    headers={${headers.join(", ")}},`]),
    ...(body === undefined ? [] : [`    data=json.dumps(${pythonLiteral(body)}).encode(),`]),
    ")",
    "with urllib.request.urlopen(request) as response:",
    "    print(response.status, response.read().decode())",
  ].join("\n");
}

/** JSON with Python's spelling of three words. */
function pythonLiteral(value: unknown): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(
      ([name, one]) => `${JSON.stringify(name)}: ${pythonLiteral(one)}`,
    );
    return `{${pairs.join(", ")}}`;
  }
  return JSON.stringify(value);
}
