/** Prints a graph as one line per operation, for people and for snapshots. */
import { formatType, trace, type Value } from "./graph.ts";

/** Text of the graph that computes `outputs`, e.g. `%3 f32[R,T,8] = matmul %1 %2 {transposeB: true}`. */
export function printGraph(outputs: Record<string, Value>): string {
  const names = new Map<Value, string>();
  const lines: string[] = [];
  for (const node of trace(Object.values(outputs))) {
    for (const value of node.outputs) names.set(value, `%${names.size}`);
    const results = node.outputs.map((value) => `${names.get(value)} ${formatType(value)}`);
    const operands = node.inputs.map((value) => names.get(value));
    const attributes = Object.entries(node.attributes)
      // The type stands before the equals sign already.
      .filter(([key, value]) => key !== "type" && value !== false && value !== null)
      .map(([key, value]) => `${key}: ${printAttribute(value)}`);
    lines.push(
      [
        `${results.join(", ")} =`,
        node.op,
        ...operands,
        ...(attributes.length ? [`{${attributes.join(", ")}}`] : []),
      ].join(" "),
    );
  }
  const returned = Object.entries(outputs).map(([name, value]) => `${name}: ${names.get(value)}`);
  return [...lines, `return ${returned.join(", ")}`].join("\n");
}

function printAttribute(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(",")}]`;
  if (ArrayBuffer.isView(value)) {
    const numbers = Array.from(value as Float32Array, String);
    return numbers.length > 6
      ? `[${numbers.slice(0, 6).join(",")},… ${numbers.length}]`
      : `[${numbers.join(",")}]`;
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}
