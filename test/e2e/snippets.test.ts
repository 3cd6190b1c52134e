/**
 * Every snippet of the reference, as the page shows it, run on the real services: curl in one shell, TypeScript here,
 * Python in one interpreter. Placeholders and the examples' ids are replaced by those of a real session.
 */
import { execFile as executeFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Rosa } from "./support/rosa.ts";
import { useRosa } from "./support/use-rosa.ts";

const execFile = promisify(executeFile);
let rosa: Rosa;
useRosa((started) => {
  rosa = started;
});

interface Call {
  name: string;
  texts: Record<string, string>;
}

/** These calls erase the tenant or its keys, so nothing could be run after them. */
const never = "delete /v1/tenant?confirm={confirm}";

/**
 * Answers that a call may give beside a success. 404: the same call in another language has erased the object already.
 * 409: the session is in a state where the call means nothing.
 */
const otherStatuses = [404, 409];

/** Calls in the page's order, with those that erase something last. */
async function callsShown(): Promise<Call[]> {
  const page = await (await fetch(`${rosa.url}/docs`)).text();
  const calls = [
    ...page.matchAll(
      /<section class="operation" id="[^"]*" data-method="(\w+)" data-path="([^"]*)"[\s\S]*?<\/section>/g,
    ),
  ].map(([section, method, path]): Call => {
    const texts = [...section.matchAll(/<pre tabindex="0" aria-label="(\w+)">([\s\S]*?)<\/pre>/g)];
    return {
      name: `${method} ${path}`,
      texts: Object.fromEntries(texts.map(([, name = "", text = ""]) => [name, unescaped(text)])),
    };
  });
  const erases = ({ name }: Call) => (name.startsWith("delete") ? 1 : 0);
  return calls.filter(({ name }) => name !== never).sort((a, b) => erases(a) - erases(b));
}

function unescaped(text: string): string {
  const signs = { quot: '"', "#39": "'", lt: "<", gt: ">", amp: "&" };
  return text.replace(/&(quot|#39|lt|gt|amp);/g, (_, name: keyof typeof signs) => signs[name]);
}

/** Makes a session with one turn for this language, and puts its ids in the place of those in the snippets. */
async function withRealIds(texts: string[]): Promise<string[]> {
  const session = await rosa.openSession();
  const turn = await rosa.ask(session.id, "Sort them, as plain text: 3 1 2");
  const key = await rosa.post<{ id: string }>("/v1/keys", { name: "a", scopes: ["chat"] });
  const ids: Record<string, string> = { s: session.id, t: turn.id, g: "base", k: key.id };
  return texts.map((text) =>
    text
      .replace(
        /<(\w+)>/g,
        (_, name: string) => ids[name] ?? (name === "model" ? "rosa2-mini-2" : name),
      )
      .replace(/ses_[A-Za-z0-9_-]{20,}/g, (id) => (id === session.id ? id : session.id))
      .replace(/turn_[0-9A-Z]{26}/g, () => turn.id),
  );
}

/** Each call's status, read from what the snippets printed. */
const runners: Record<string, (texts: string[]) => Promise<number[]>> = {
  async curl(texts) {
    const script = texts
      .map((text) => `${text.replace(/^curl/, "curl -sS -m 60 -o /dev/null -w '%{http_code}\\n'")}`)
      .join("\n");
    const { stdout } = await execFile("sh", ["-c", script], { env: environment() });
    return stdout.trim().split("\n").map(Number);
  },
  async TypeScript(texts) {
    const statuses: number[] = [];
    const console = { log: (status: number) => statuses.push(status) };
    const process = { env: environment() };
    const make = Object.getPrototypeOf(async () => {}).constructor as FunctionConstructor;
    for (const text of texts) await make("console", "process", text)(console, process);
    return statuses;
  },
  async Python(texts) {
    const script = [
      "import urllib.error",
      ...texts.map(
        (text) => `try:
${text.replaceAll(/^/gm, "    ")}
except urllib.error.HTTPError as failure:
    print(failure.status)`,
      ),
    ].join("\n");
    const { stdout } = await execFile("python3", ["-c", script], {
      env: environment(),
      maxBuffer: 1e8,
    });
    return [...stdout.matchAll(/^(\d{3})\b/gm)].map(([, status]) => Number(status));
  },
};
const environment = () => ({ ...process.env, ROSA2_URL: rosa.url, ROSA2_KEY: rosa.key });

describe("the reference's snippets", () => {
  it.each(Object.keys(runners))("all run: %s", async (language) => {
    const calls = await callsShown();
    expect(calls.length).toBeGreaterThan(40);
    const texts = await withRealIds(calls.map(({ texts }) => texts[language] ?? "missing"));
    const statuses = await runners[language]!(texts);
    expect(statuses).toHaveLength(calls.length);
    const refused = calls
      .map(({ name }, i) => `${statuses[i]} ${name}`)
      .filter((_, i) => statuses[i]! >= 300 && !otherStatuses.includes(statuses[i]!));
    expect(refused).toEqual([]);
    const worked = statuses.filter((status) => status < 300);
    expect(worked.length).toBeGreaterThan(0.7 * calls.length);
  });
});
