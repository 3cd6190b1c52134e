/**
 * The examples for phones, as the documents show them, compiled and run on the real services with the examples' own
 * back end. Where there is no compiler they are only parsed (test/deploy/phone-examples.test.ts).
 */
import { execFile as executeFile, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCuttingProxy } from "./support/cutting-proxy.ts";
import type { Rosa } from "./support/rosa.ts";
import { startTokenServer, type TokenServer } from "./support/token-server.ts";
import { useRosa } from "./support/use-rosa.ts";

/** The edge's leeway, from src/accounts/tokens/token.ts. */
const clockToleranceS = 30;

const execFile = promisify(executeFile);

/**
 * A command, split into words. The words before the compiler, such as `chroot /srv/debian13`, also run the compiled
 * program.
 */
const swiftc = (process.env.SWIFTC ?? "swiftc").split(" ");
const kotlinc = (process.env.KOTLINC ?? "kotlinc").split(" ");
/** Android's own org.json; a JVM has none. */
const json = process.env.ORG_JSON ?? "/usr/share/java/com.android.json.jar";

const sources = [
  "../../edge/client/examples/quick-start.swift",
  "../../edge/client/examples/quick-start.kt",
  "phones/main.swift",
  "phones/linux.swift",
  "phones/main.kt",
].map((path) => new URL(path, import.meta.url));

interface Language {
  name: "Swift" | "Kotlin";
  /** The example's text. */
  source: URL;
  /** Why it cannot be run here; empty where it can. */
  lacks: string;
  /** In the folder that holds the example's text: the compiler's command and the program's. */
  compile(folder: string): { compiler: string[]; program: string[] };
}

/** What the program printed beside a label. */
const beside = (label: string, printed: string) =>
  printed
    .split("\n")
    .find((line) => line.startsWith(label))
    ?.slice(label.length)
    .trim();

const runs = ([command, ...args]: string[], flag: string) =>
  spawnSync(command!, [...args, flag]).status === 0;

const languages: Language[] = [
  {
    name: "Swift",
    source: sources[0]!,
    lacks: runs(swiftc, "--version") ? "" : "no swiftc (SWIFTC names another)",
    compile(folder) {
      const files = ["main.swift", "linux.swift", "quick-start.swift"];
      const program = join(folder, "quick-start");
      return {
        compiler: [...swiftc, ...files.map((file) => join(folder, file)), "-o", program],
        program: [...swiftc.slice(0, -1), program],
      };
    },
  },
  {
    name: "Kotlin",
    source: sources[1]!,
    lacks: !runs(kotlinc, "-version")
      ? "no kotlinc (KOTLINC names another)"
      : !existsSync(json)
        ? `no ${json} (ORG_JSON names another)`
        : "",
    compile(folder) {
      const files = ["main.kt", "quick-start.kt"].map((file) => join(folder, file));
      const jar = join(folder, "quick-start.jar");
      return {
        compiler: [...kotlinc, ...files, "-cp", json, "-include-runtime", "-d", jar],
        program: ["java", "-cp", `${jar}:${json}`, "MainKt"],
      };
    },
  },
];

let rosa: Rosa;
const state = useRosa((started) => {
  rosa = started;
});
let backEnd: TokenServer;
/** Gives everybody one token, which is no longer valid from `lateFrom` (ms) on. */
let late: Server;
let lateFrom: number;

beforeAll(async () => {
  backEnd = await startTokenServer(state.path, rosa, "secret-of-ann=ann");
  const ask = { owner: "ann", ttl_seconds: 10 };
  const { token } = await rosa.post<{ token: string }>("/v1/client_tokens", ask);
  lateFrom = Date.now() + 1000 * (ask.ttl_seconds + clockToleranceS + 1);
  late = createServer((_, response) => response.end(JSON.stringify({ token })));
  await new Promise<void>((listening) => late.listen(0, "127.0.0.1", listening));
});
afterAll(() => {
  backEnd?.stop();
  late?.close();
});

for (const { name, source, lacks, compile } of languages) {
  describe.skipIf(lacks !== "")(`${name}'s example${lacks && `: ${lacks}`}`, () => {
    const text = readFileSync(source, "utf8");
    const [, correction] = text.match(/correct\(.+"(.+)"\)/)!;
    const [, promised] = text.match(/"another list.+\/\/ (.+)/)!;
    let program: string[];
    const run = async (tokenUrl: string, signIn: string, url = rosa.url) => {
      const [command, ...args] = program;
      const env = { ...process.env, ROSA2_URL: url, TOKEN_URL: tokenUrl, SIGN_IN: signIn };
      return (await execFile(command!, args, { env })).stdout;
    };

    beforeAll(async () => {
      const folder = join(state.path, name);
      mkdirSync(folder);
      for (const file of sources) copyFileSync(file, join(folder, basename(file.pathname)));
      const { compiler, program: compiled } = compile(folder);
      const [command, ...args] = compiler;
      await execFile(command!, args);
      program = compiled;
    }, 240_000);

    it("holds its conversation, as the user who has signed in", async () => {
      const printed = await run(backEnd.url, "secret-of-ann");
      expect(printed).toMatch(/^model reads +Sort them.+\nweights +\w.+\n/m);
      expect(beside("new reply", printed)).toBe(correction);
      expect(beside("another list", printed)).toBe(promised);
    });

    it("continues after a lost connection, and asks nothing twice", async () => {
      const proxy = await startCuttingProxy(rosa.url);
      const printed = await run(backEnd.url, "secret-of-ann", proxy.url);
      proxy.close();
      expect(beside("another list", printed)).toBe(promised);
      const resumed = proxy.requests.filter((line) => line.startsWith("GET"));
      expect(resumed).toEqual([expect.stringMatching(/\/turns\/turn_\w+\/events /)]);
      // Each text so far begins with the one before it, so nothing came twice and nothing was left out.
      const texts = printed.slice(0, printed.indexOf("model reads")).trimEnd().split("\n");
      expect(texts.length).toBeGreaterThan(1);
      for (const [i, text] of texts.slice(1).entries())
        expect(text.startsWith(texts[i]!)).toBe(true);
      const [, id] = resumed[0]!.match(/\/v1\/sessions\/([\w-]+)\//)!;
      const { turns } = await rosa.readSession(id!);
      expect(turns.map(({ reply }) => reply)).toEqual([texts.at(-1), correction, promised]);
    });

    it("says that a token has expired, by its code", async () => {
      await sleep(Math.max(0, lateFrom - Date.now()));
      const { port } = late.address() as AddressInfo;
      expect(await run(`http://127.0.0.1:${port}`, "secret-of-ann")).toMatch(
        /^refused +invalid_key\n$/,
      );
    });

    it("gets no token where the back end knows nobody of that name", async () => {
      expect(await run(backEnd.url, "a guess")).toBe("not signed in\n");
    });
  });
}
