/** The command's flags, checked once. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Figure } from "./figure.ts";

export interface Settings {
  /** Ids of the figures to measure. */
  ids: ReadonlySet<string>;
  json: string | null;
  isQuick: boolean;
  threads: number;
}

/**
 * Settings of a command line; null when it asks for help. Throws an error that names the flag, or the figure that does
 * not exist.
 */
export function readSettings(args: readonly string[], figures: readonly Figure[]): Settings | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "string" },
      quick: { type: "boolean", default: false },
      threads: { type: "string", default: String(availableParallelism()) },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const threads = Number(values.threads);
  if (!Number.isInteger(threads) || threads < 1)
    throw new Error(`--threads ${values.threads}: needs a whole number from 1 on`);
  const known = figures.map(({ id }) => id);
  const matching = (pattern: string) => {
    const ids = known.filter((id) => id === pattern || id.startsWith(`${pattern}_`));
    if (ids.length === 0) throw new Error(`There is no figure "${pattern}": ${known.join(", ")}`);
    return ids;
  };
  return {
    ids: new Set(positionals.length === 0 ? known : positionals.flatMap(matching)),
    json: values.json ?? null,
    isQuick: values.quick,
    threads,
  };
}

export function helpText(figures: readonly Figure[]): string {
  const lines = figures.map(({ id, what }) => `  ${id.padEnd(24)} ${what}`);
  return `npm run bench [-- ids…] [--json FILE] [--quick] [--threads N]

Measures the engine, where it has a peer side by side with it: medians of interleaved repeats.
An id may be cut at an underscore: "decode" or "decode_mini". Without ids all are measured.

${lines.join("\n")}`;
}
