/** The command's flags, checked once: a bad one fails with its name and what is allowed. */
import { parseArgs } from "node:util";
import { Failure } from "../../shared/command/failure.ts";
import { oneOf, wholeNumber } from "../../shared/command/flags.ts";
import { type ConditionName, conditionNames, conditions } from "./conditions.ts";
import { presetHelp } from "./preset.ts";
import { suiteNames, suites } from "./suites.ts";

/** Names for several suites at once. */
const suiteSets = {
  plane: ["EASY", "AMB", "CAP", "MIX", "THREE", "THREEA", "LONG", "LONGA"],
  words: ["ONE", "AMB", "MIX", "UNTAUGHT"],
  lost: ["WHOLE", "CONCAT", "SHARDS"],
} as const;
/** Settings that measure rewriting: one problem a session, two remarks, every way of wording. */
const wordsDefaults = {
  protocol: "A",
  tries: "3",
  conditions: "none,said,appended,proposed,compose,gpu",
} as const;
const defaultUrl = "http://127.0.0.1:8787";

export interface Settings {
  /** Where the deployment is; `isUrlGiven` tells whether to start one when nothing answers there. */
  url: string;
  isUrlGiven: boolean;
  key: string | null;
  suites: readonly string[];
  /** Suites from the folder `data` instead. */
  preset: "paper" | null;
  data: string | null;
  conditions: readonly ConditionName[];
  seeds: readonly number[];
  sessions: number;
  protocol: "A" | "B";
  corrections: boolean;
  tries: number;
  length: number;
  teach: number;
  wording: "canonical" | "varied";
  context: "request" | "dialogue";
  temperature: number;
  maxTokens: number | null;
  probes: number;
  bestOf: number;
  concurrency: number;
  json: string | null;
  html: string | null;
  quote: string | null;
  journal: string | null;
  gpuMetrics: string | null;
  gpuSecret: string | null;
  keep: boolean;
  dryRun: boolean;
}

const options = {
  url: { type: "string" },
  key: { type: "string" },
  suite: { type: "string", default: "MIX" },
  preset: { type: "string" },
  data: { type: "string" },
  conditions: { type: "string" },
  seeds: { type: "string", default: "1,2,3" },
  sessions: { type: "string" },
  protocol: { type: "string" },
  corrections: { type: "boolean" },
  tries: { type: "string" },
  length: { type: "string" },
  teach: { type: "string", default: "8" },
  wording: { type: "string", default: "canonical" },
  context: { type: "string", default: "request" },
  temperature: { type: "string", default: "0" },
  "max-tokens": { type: "string" },
  probes: { type: "string", default: "9" },
  "best-of": { type: "string", default: "8" },
  concurrency: { type: "string", default: "2" },
  json: { type: "string" },
  html: { type: "string" },
  quote: { type: "string" },
  journal: { type: "string" },
  "gpu-metrics": { type: "string" },
  "gpu-secret": { type: "string" },
  keep: { type: "boolean", default: false },
  "dry-run": { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/**
 * The settings of a command line; null asks for the help.
 *
 * @throws Failure that names the flag and what is allowed.
 */
export function readSettings(args: readonly string[]): Settings | null {
  const flags = parseFlags(args);
  if (flags.help) return null;
  const preset = flags.suite === "words" ? wordsDefaults : null;
  const asked = flags.protocol ?? preset?.protocol ?? "B";
  const protocol = oneOf("--protocol", asked, ["A", "B"] as const);
  const tries = flags.tries ?? preset?.tries ?? (protocol === "A" ? "8" : "3");
  return {
    url: httpUrl("--url", flags.url ?? defaultUrl),
    isUrlGiven: flags.url !== undefined,
    key: flags.key ?? null,
    suites: flags.preset === undefined ? readSuites(flags.suite) : [],
    ...readPreset(flags),
    conditions: readConditions(
      flags.conditions ?? preset?.conditions ?? "none,never,words,weights,both",
    ),
    seeds: readSeeds(flags.seeds),
    sessions: wholeNumber("--sessions", flags.sessions ?? (protocol === "A" ? "24" : "8"), 1),
    protocol,
    corrections: flags.corrections ?? protocol === "B",
    tries: wholeNumber("--tries", tries, 1),
    length: wholeNumber("--length", flags.length ?? (protocol === "A" ? "1" : "12"), 1),
    teach: wholeNumber("--teach", flags.teach, 0),
    wording: oneOf("--wording", flags.wording, ["canonical", "varied"] as const),
    context: oneOf("--context", flags.context, ["request", "dialogue"] as const),
    temperature: temperature(flags.temperature),
    maxTokens:
      flags["max-tokens"] === undefined
        ? null
        : wholeNumber("--max-tokens", flags["max-tokens"], 1),
    probes: wholeNumber("--probes", flags.probes, 0),
    bestOf: wholeNumber("--best-of", flags["best-of"], 1),
    concurrency: wholeNumber("--concurrency", flags.concurrency, 1),
    json: flags.json ?? null,
    html: flags.html ?? null,
    quote: flags.quote ?? null,
    journal: flags.journal ?? null,
    gpuMetrics: flags["gpu-metrics"] ? httpUrl("--gpu-metrics", flags["gpu-metrics"]) : null,
    gpuSecret: flags["gpu-secret"] ?? process.env.GPU_SECRET ?? null,
    keep: flags.keep,
    dryRun: flags["dry-run"],
  };
}

export function helpText(): string {
  const list = (entries: Record<string, { about: string }>) =>
    Object.entries(entries)
      .map(([name, { about }]) => `    ${name.padEnd(11)} ${about}`)
      .join("\n");
  return `npm run eval -- [flags]: what words, weights and both gain, over the HTTP API of a running rosa2

  --url URL            deployment; without it ${defaultUrl}, or one started for this run
  --key KEY            API key; otherwise ROSA2_API_KEY, then .rosa2/api-key
  --suite NAMES        comma-separated (default MIX), JSONL files (test/eval/README.md), or a set by itself:
                       "plane" (${suiteSets.plane.join(", ")}),
                       "lost" (${suiteSets.lost.join(", ")}; one request whole and in shards) or
                       "words" (${suiteSets.words.join(", ")}; what rewriting is worth, protocol A with 3 tries)
${list(suites)}
  --preset paper --data DIR   your own copies, as far as they are there, instead of --suite:
${presetHelp()}
  --conditions NAMES   comma-separated (default none,never,words,weights,both)
${list(conditions)}
  --seeds LIST         "5001,5002" or "1-3" (default 1,2,3)
  --sessions N         sessions per suite, condition and seed (default 8; protocol A 24)
  --protocol A|B       B: sessions of --length problems, --tries each; A: one problem, 8 tries, no corrections
  --[no-]corrections   the user gives the right reply after the last failed try (default in B)
  --tries N  --length N  --teach N (corrected uses of a new word, then as many silent ones)
  --wording canonical|varied   --context request|dialogue   --temperature T   --max-tokens N
  --probes N           unrelated requests at the end of a session, for forgetting (default 9)
  --best-of N          draws of the condition best_of (default 8): give it as many tokens as both takes
  --concurrency N      sessions in flight (default 2)
  --gpu-metrics URL    the GPU service's /metrics, for memory and time; --gpu-secret or GPU_SECRET
  --json FILE  --html FILE   results and report
  --quote FILE         what the README quotes: kept in test/eval/quoted, and printed as rows of its table
  --journal FILE       finished sessions; an existing one is continued
  --dry-run            say what the run would take, and end
  --keep               leave the sessions in the deployment
`;
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowNegative: true }).values;
  } catch (error) {
    throw new Failure(`${(error as Error).message}. See --help`);
  }
}

function readSuites(text: string): string[] {
  const names = isSuiteSet(text) ? suiteSets[text] : listOf("--suite", text);
  for (const name of names) {
    if (name.endsWith(".jsonl") || (suiteNames as string[]).includes(name)) continue;
    throw new Failure(
      `--suite "${name}" is none of ${suiteNames.join(", ")}, plane, words, lost, nor a .jsonl file`,
    );
  }
  return unique("--suite", names);
}

function readPreset({ preset, data }: { preset?: string; data?: string }) {
  if (preset === undefined) {
    if (data !== undefined) throw new Failure("--data belongs to --preset paper");
    return { preset: null, data: null };
  }
  if (data === undefined) {
    throw new Failure(`--preset ${preset} needs --data DIR, a folder with\n${presetHelp()}`);
  }
  return { preset: oneOf("--preset", preset, ["paper"] as const), data };
}

function isSuiteSet(text: string): text is keyof typeof suiteSets {
  return Object.hasOwn(suiteSets, text);
}

/** In the order in which they run, whatever the order on the command line. */
function readConditions(text: string): ConditionName[] {
  const names = unique("--conditions", listOf("--conditions", text));
  for (const name of names) oneOf("--conditions", name, conditionNames);
  return conditionNames.filter((name) => names.includes(name));
}

function readSeeds(text: string): number[] {
  const seeds = listOf("--seeds", text).flatMap((part) => {
    const range = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part);
    if (range === null) {
      throw new Failure(`--seeds "${part}" is neither a whole number nor a range like 1-3`);
    }
    const from = Number(range[1]);
    const to = Number(range[2] ?? range[1]);
    if (to < from || to - from > 999) throw new Failure(`--seeds "${part}" is no range`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  return unique("--seeds", seeds);
}

function listOf(flag: string, text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.some((part) => part === "")) throw new Failure(`${flag} "${text}" has an empty part`);
  return parts;
}

function unique<T>(flag: string, values: readonly T[]): T[] {
  const repeated = values.find((value, i) => values.indexOf(value) !== i);
  if (repeated !== undefined) throw new Failure(`${flag} names ${repeated} twice`);
  return [...values];
}

function temperature(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 2) return value;
  throw new Failure(`--temperature "${text}" is not a number from 0 to 2`);
}

function httpUrl(flag: string, text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new Failure(`${flag} "${text}" is not an http(s) URL`);
}
