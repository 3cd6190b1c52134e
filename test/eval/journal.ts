/**
 * Finished sessions on disk, one JSON object a line, so that a stopped run can continue.
 *
 * The first line holds the settings of the sessions. A journal with other settings is refused, because its sessions
 * cannot be compared with the new ones.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { Failure } from "../../shared/command/failure.ts";
import type { Settings } from "./settings.ts";

const sessionSchema = z.object({
  kind: z.literal("session"),
  suite: z.string(),
  condition: z.string(),
  seed: z.int(),
  index: z.int(),
  problems: z.array(
    z.object({ solved: z.boolean(), tries: z.int(), shift: z.number().nullable() }),
  ),
  probes: z.object({ count: z.int(), before: z.int(), after: z.int() }).nullable(),
  spent: z.object({
    replyMs: z.array(z.number()),
    updateMs: z.array(z.number()),
    updatesRejected: z.int(),
    wordsChanged: z.int(),
    proposalsAdopted: z.int().default(0),
    wordingsDrawn: z.int().default(0),
    wordingTokens: z.int().default(0),
    rejections: z.int().default(0),
    promptTokens: z.int(),
    completionTokens: z.int(),
    costUsd: z.number(),
  }),
});
export type SessionRecord = z.infer<typeof sessionSchema>;

const meterSchema = z.object({
  kind: z.literal("meter"),
  suite: z.string(),
  condition: z.string(),
  seed: z.int(),
  peakBytes: z.number(),
  replySeconds: z.number(),
  learnSeconds: z.number(),
});
/** What the GPU service's own figures said while sessions of a cell ran. */
export type MeterRecord = z.infer<typeof meterSchema>;

const lineSchema = z.discriminatedUnion("kind", [sessionSchema, meterSchema]);
const headerSchema = z.object({
  kind: z.literal("header"),
  version: z.literal(1),
  same: z.record(z.string(), z.unknown()),
});

export interface CellKey {
  suite: string;
  condition: string;
  seed: number;
}

export class Journal {
  readonly path: string;
  readonly sessions: SessionRecord[] = [];
  readonly meters: MeterRecord[] = [];
  readonly #known = new Set<string>();

  /**
   * Opens a journal, or begins one.
   *
   * @throws Failure when the file is no journal, or one of other settings or another model.
   */
  constructor(path: string, settings: Settings, model: string) {
    this.path = path;
    const same = sameness(settings, model);
    if (existsSync(path)) this.#load(readFileSync(path, "utf8"), same);
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${JSON.stringify({ kind: "header", version: 1, same })}\n`);
    }
  }

  holds(cell: CellKey, index: number): boolean {
    return this.#known.has(nameOf(cell, index));
  }

  add(record: SessionRecord | MeterRecord): void {
    appendFileSync(this.path, `${JSON.stringify(record)}\n`);
    this.#take(record);
  }

  #take(record: SessionRecord | MeterRecord): void {
    if (record.kind === "meter") {
      this.meters.push(record);
      return;
    }
    const name = nameOf(record, record.index);
    if (this.#known.has(name)) return;
    this.#known.add(name);
    this.sessions.push(record);
  }

  #load(text: string, same: Record<string, unknown>): void {
    const lines = text.split("\n");
    const header = headerSchema.safeParse(parseJson(lines[0] ?? ""));
    if (!header.success) throw new Failure(`${this.path} is not a journal of this command`);
    for (const [name, value] of Object.entries(same)) {
      const then = JSON.stringify(header.data.same[name]);
      const now = JSON.stringify(value);
      if (then !== now) {
        throw new Failure(`${this.path} was made with ${name} ${then}, not ${now}`);
      }
    }
    for (const [i, line] of lines.entries()) {
      const value = parseJson(line);
      // A line that is no JSON was cut off when a run was killed.
      if (i === 0 || value === undefined) continue;
      const record = lineSchema.safeParse(value);
      if (!record.success) throw new Failure(`${this.path}:${i + 1} is no record`);
      this.#take(record.data);
    }
    // The next record must begin on a line of its own.
    if (!text.endsWith("\n")) appendFileSync(this.path, "\n");
  }
}

/** The settings that must agree for two sessions to belong to one experiment; suites, conditions and seeds may be added. */
function sameness(settings: Settings, model: string): Record<string, unknown> {
  const { protocol, corrections, tries, length, teach } = settings;
  const { wording, context, temperature, maxTokens, probes, bestOf } = settings;
  return {
    ...{ model, protocol, corrections, tries, length, teach },
    ...{ wording, context, temperature, maxTokens, probes, bestOf },
  };
}

function nameOf({ suite, condition, seed }: CellKey, index: number): string {
  return `${suite}/${condition}/${seed}/${index}`;
}

/** undefined for what is not JSON. */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
