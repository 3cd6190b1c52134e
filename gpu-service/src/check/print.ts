/** A model's report as text for people. */

import { formatBytes } from "../hub/progress.ts";
import type { Problem } from "./check.ts";
import type { CheckedModel } from "./check-command.ts";

export function printReport(report: CheckedModel): string {
  const { architecture, weights, tokenizer, memory, adapter } = report;
  const lines: [label: string, text: string | null][] = [
    ["runs", report.runs ? "yes" : "no"],
    [
      "architecture",
      architecture &&
        `${architecture.family}, ${architecture.layers} layers of ${architecture.hidden_size}, ` +
          `${architecture.heads} heads of ${architecture.head_size} (${architecture.kv_heads} for keys and values)`,
    ],
    [
      "parameters",
      weights &&
        `${whole(weights.parameters)}, ${architecture?.tied_head ? "head tied to the embeddings" : "head of its own"}`,
    ],
    [
      "weights",
      weights &&
        `${weights.dtypes.join(" and ")}${weights.saved_as === null ? "" : ` (${weights.saved_as})`}, ${formatBytes(weights.bytes)}` +
          (weights.cache_bytes > 0
            ? `; ${formatBytes(weights.cache_bytes)} more in the cache folder, made at the first start`
            : ", mapped as they are"),
    ],
    [
      "context",
      architecture &&
        `${whole(architecture.context_tokens)} tokens` +
          (memory ? `, ${whole(memory.context_tokens)} of them served (CONTEXT_TOKENS)` : "") +
          (architecture.sliding_window_tokens === null
            ? ""
            : `, window of ${whole(architecture.sliding_window_tokens)}`) +
          (architecture.rope_scaling === null ? "" : `, ${architecture.rope_scaling} scaling`),
    ],
    ["tokenizer", tokenizer && `${tokenizer.kind}; ${whole(tokenizer.tokens)} tokens`],
    [
      "chat template",
      tokenizer &&
        (tokenizer.chat_template === null
          ? "missing"
          : `${tokenizer.chat_template}; replies end with ${tokenizer.end_token ?? "an unknown token"} (ids ${tokenizer.end_ids.join(", ")})`),
    ],
    [
      "memory",
      memory &&
        `${formatBytes(memory.weights)} of weights (${weights?.saved_as ?? `QUANTIZE=${memory.quantize}`})`,
    ],
    [
      "",
      memory &&
        `${whole(memory.kv_per_token)} bytes of keys and values a token; ${formatBytes(memory.kv)} for ROWS=${memory.rows} full sequences`,
    ],
    [
      "",
      memory &&
        `KV_BYTES=${memory.kv_budget} (${formatBytes(memory.kv_budget)}) holds ${memory.sequences} full sequences`,
    ],
    ["adapter", adapter && `${whole(adapter.bytes)} bytes a generation at rank ${adapter.rank}`],
    [
      "download",
      report.download_bytes === null
        ? null
        : report.download_bytes === 0
          ? "none, it is here"
          : formatBytes(report.download_bytes),
    ],
  ];
  const name = report.commit === null ? report.model : `${report.model} (commit ${report.commit})`;
  return [
    name,
    ...lines.flatMap(([label, text]) => (text === null ? [] : [`  ${label.padEnd(15)}${text}`])),
    ...section("Problems", report.problems.map(describe)),
    ...section("Warnings", report.warnings),
  ].join("\n");
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`${title}:`, ...items.map((item) => `  - ${item}`)];
}

function describe({ message, code }: Problem): string {
  return `${message} [${code}]`;
}

function whole(value: number): string {
  return value.toLocaleString("en-US");
}
