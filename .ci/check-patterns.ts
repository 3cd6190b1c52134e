/**
 * Checks that every regular expression of the product takes time that is linear in its text, also where it does not
 * match: one thread serves everybody, and the text may be a stranger's.
 *
 * Literals are found in the sources. Patterns that are put together at run time are caught while they are: the modules
 * that hold one are loaded, and `exercise` calls what makes the others. recheck looks for texts that take long, and
 * such a text is tried. What was found safe is kept in safe-patterns.txt, by its hash; `--write` brings that up to
 * date, `--all` checks every pattern again.
 */
import { createHash } from "node:crypto";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { parseSync, Visitor } from "oxc-parser";
import { checkSync, type Diagnostics } from "recheck";
import { readFlagsOrExit } from "../shared/command/flags.ts";

const usage = `npm run check:patterns [-- --all] [-- --write]

Checks that every regular expression of the product takes time that is linear in its text.

  --all    also those that were found safe before
  --write  notes what was found safe
  --help   this text`;

const { all, write } = readFlagsOrExit(usage, {
  all: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
});

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = globSync("{edge/src,shared/src,gpu-service/src}/**/*.ts", { cwd: root });

const safeFile = fileURLToPath(new URL("safe-patterns.txt", import.meta.url));
/** Characters of a text that is tried, and the CPU time within which a linear pattern has surely read it. */
const attackChars = 65_536;
const attackMsMax = 300;
/** Without limits of wall time, and with a fixed seed, the verdict is the same on a busy machine. */
const parameters = {
  attackTimeout: null,
  incubationTimeout: null,
  timeout: 300_000,
  randomSeed: 0,
} as const;

interface Found {
  /** `file:line`. */
  at: string;
  source: string;
  flags: string;
}

const { literals, constructed } = readSources();
const made = await catchMade([...new Set(constructed.map((at) => at.split(":")[0]!))]);
const unseen = constructed.filter((at) => !made.some((one) => one.at === at));
const problems = unseen.map((at) => `${at} makes a pattern that this check never sees made`);
const known = all ? [] : readFileSync(safeFile, "utf8").split("\n");
const patterns = distinct([...literals, ...made]);
const safe: string[] = [];
for (const pattern of patterns) {
  const fault = known.includes(hashOf(pattern)) ? null : faultOf(pattern);
  if (fault === null) safe.push(hashOf(pattern));
  else problems.push(`${pattern.at} ${textOf(pattern)}: ${fault}`);
}
if (write) writeFileSync(safeFile, `${safe.toSorted().join("\n")}\n`);
if (problems.length > 0) {
  console.error(`These take more than linear time:\n${problems.join("\n")}`);
  process.exitCode = 1;
}

/** Null where the pattern is linear. */
function faultOf({ source, flags }: Found): string | null {
  const verdict = checkSync(source, flags, parameters);
  if (verdict.status === "safe") return null;
  if (verdict.status === "unknown") return `nobody knows (${verdict.error.kind})`;
  const ms = msOf(source, flags, verdict);
  if (ms <= attackMsMax) return null;
  return `${verdict.complexity.summary}, ${ms.toFixed(0)} ms for ${attackChars} characters of ${verdict.attack.pattern}`;
}

/** CPU milliseconds for the text that recheck found; many where the pattern had to be stopped. */
function msOf(
  source: string,
  flags: string,
  verdict: Diagnostics & { status: "vulnerable" },
): number {
  const { pumps, suffix } = verdict.attack;
  const chars = pumps.reduce((total, { pump }) => total + pump.length, 0);
  const times = Math.ceil(attackChars / Math.max(1, chars));
  const text = pumps.map(({ prefix, pump }) => prefix + pump.repeat(times)).join("") + suffix;
  const context = createContext({ pattern: new RegExp(source, flags), text });
  const before = process.cpuUsage();
  try {
    runInContext("text.replace(pattern, '')", context, { timeout: 20_000 });
  } catch {
    // It ran into the timeout, and took as long.
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** The literals, and where `new RegExp` stands. */
function readSources(): { literals: Found[]; constructed: string[] } {
  const literals: Found[] = [];
  const constructed: string[] = [];
  for (const file of sources) {
    const text = readFileSync(join(root, file), "utf8");
    const place = (offset: number) => `${file}:${text.slice(0, offset).split("\n").length}`;
    const visitor = new Visitor({
      Literal(node) {
        if (!("regex" in node)) return;
        const { pattern, flags } = node.regex;
        literals.push({ at: place(node.start), source: pattern, flags });
      },
      NewExpression(node) {
        const { callee } = node;
        if (callee.type === "Identifier" && callee.name === "RegExp")
          constructed.push(place(node.start));
      },
    });
    visitor.visit(parseSync(file, text).program);
  }
  return { literals, constructed };
}

/** The patterns that modules make when they are loaded and used. */
async function catchMade(files: readonly string[]): Promise<Found[]> {
  const made: Found[] = [];
  const original = globalThis.RegExp;
  globalThis.RegExp = new Proxy(original, {
    construct(target, args, newTarget) {
      const pattern = Reflect.construct(target, args, newTarget) as RegExp;
      const at = callerOf(new Error().stack ?? "");
      if (at !== null) made.push({ at, source: pattern.source, flags: pattern.flags });
      return pattern;
    },
  });
  try {
    for (const file of files) await import(pathToFileURL(join(root, file)).href);
    await exercise();
  } finally {
    globalThis.RegExp = original;
  }
  return made;
}

/** The line of the sources that a stack of calls was in last. */
function callerOf(stack: string): string | null {
  const [, path, line] = /\(?(file:\/\/\S+?):(\d+):\d+\)?$/m.exec(stack.split("\n")[2] ?? "") ?? [];
  if (path === undefined) return null;
  const file = relative(root, fileURLToPath(path));
  return sources.includes(file) ? `${file}:${line}` : null;
}

/** Calls each function of the product that builds a pattern from its arguments. */
async function exercise(): Promise<void> {
  const { lexiconOf } = await import("../edge/src/words/custom-lexicon.ts");
  const { readRemark } = await import("../edge/src/words/remarks/read.ts");
  const { allowedMethods } = await import("../edge/src/http/paths.ts");
  const { StandIns } = await import("../gpu-service/src/tokenizer/chat-template.ts");
  for (const remark of ["I want 5 names", "as a table", "in French"])
    readRemark(remark, { request: "Give me 3 names", replyWords: 30 });
  const phrases = ["close the * ticket", "* it *"];
  const readings = ["one", "two"].map((id) => ({
    id,
    phrase: `as ${id}`,
    cues: phrases,
    prior: 1,
  }));
  const sense = { id: "s", label: "s", spans: phrases, hints: phrases, shy: false, readings };
  lexiconOf([{ ...sense, attach: "after" }]);
  const routes = ["/v1/sessions/:s/turns/:t", "/docs/:page{.+}"];
  allowedMethods(
    routes.map((path) => ({ method: "GET", path })),
    "/v1/sessions",
  );
  const standIns = new StandIns(["a <|b|> c"]);
  standIns.restore(standIns.replace("a <|b|> c", ["<|b|>", "b"]));
}

/** Each pattern once, wherever else it stands. */
function distinct(found: readonly Found[]): Found[] {
  return [...new Map(found.map((one) => [textOf(one), one])).values()];
}

function textOf({ source, flags }: Found): string {
  return `/${source}/${flags}`;
}

function hashOf(pattern: Found): string {
  return createHash("sha256").update(textOf(pattern)).digest("hex").slice(0, 16);
}
