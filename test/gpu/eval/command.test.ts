import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { fakeKey } from "./support/fake-api.ts";
import { serveMetrics } from "./support/fake-metrics.ts";
import { answersTo, FakeApi, settingsOf, temporaryFile } from "./support/harness.ts";

const script = fileURLToPath(new URL("../../eval/main.ts", import.meta.url));
const line = "--suite CAP,MIX --seeds 21,22 --sessions 2 --length 4 --probes 2";

let fake: FakeApi;
let url: string;
beforeAll(async () => {
  fake = new FakeApi(answersTo(settingsOf(line)));
  url = await fake.listen();
});
afterAll(() => fake.close());

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, ROSA2_API_KEY: fakeKey, NO_COLOR: "1" };
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const common = () => [
  "--url",
  url,
  "--journal",
  temporaryFile("journal.jsonl"),
  ...line.split(" "),
];

test("prints a table, writes every row and a page, and continues from its journal", async () => {
  const json = temporaryFile("out.json");
  const html = temporaryFile("out.html");
  const args = [
    ...common(),
    "--conditions",
    "none,never,words,weights,both",
    "--json",
    json,
    "--html",
    html,
  ];
  const first = await run(...args);
  expect(first).toMatchObject({ code: 0 });
  expect(first.stderr).toContain("fake-student");
  expect(first.stderr).toContain("40 sessions to hold");
  expect(first.stderr).toMatch(/Projected: 224 to 544 replies, .* minutes and \$/);
  expect(first.stdout).toMatch(/^suite +condition +seeds +n +first +late/);
  expect(first.stdout).toMatch(/^MIX +both +2 +4×4 +0\.750 ±0\.000 +1\.000 ±0\.000/m);

  const result = JSON.parse(readFileSync(json, "utf8"));
  expect(result.rows).toHaveLength(2 * 5 * 2);
  expect(result.means).toHaveLength(2 * 5);
  expect(result.comparisons).toHaveLength(2);
  expect(JSON.stringify(result)).not.toContain(fakeKey);
  expect(readFileSync(html, "utf8")).toContain("<h2>CAP</h2>");

  fake.calls.length = 0;
  const again = await run(...args);
  expect(again.stderr).toContain("0 sessions to hold");
  expect(again.stdout).toBe(first.stdout);
  expect(fake.callsTo("POST", "/turns")).toEqual([]);
});

test("says what a run would take, without running it", async () => {
  fake.calls.length = 0;
  const { code, stdout, stderr } = await run(...common(), "--conditions", "both", "--dry-run");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toMatch(/8 sessions to hold.*\nProjected: 48 to /);
  expect(fake.callsTo("POST", "/turns")).toEqual([]);
});

test("adds memory and time where the GPU service reports them", async () => {
  const metrics = await serveMetrics("a secret of the tests");
  const json = temporaryFile("out.json");
  const access = ["--gpu-metrics", metrics.url, "--gpu-secret", "a secret of the tests"];
  const { code } = await run(...common(), "--conditions", "never,both", ...access, "--json", json);
  metrics.close();
  expect(code).toBe(0);
  const text = readFileSync(json, "utf8");
  const { rows, comparisons } = JSON.parse(text);
  for (const { peak_mb } of rows) expect(peak_mb).toBeGreaterThan(100);
  expect(comparisons[0].memory_ratio).toBeGreaterThan(1);
  expect(text).not.toContain("a secret of the tests");
});

test("ends in order when it is interrupted, and says how to continue", async () => {
  const args = common();
  const journal = args[args.indexOf("--journal") + 1]!;
  const env = { ...process.env, ROSA2_API_KEY: fakeKey };
  const child = spawn(process.execPath, [script, ...args], { env });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  await vi.waitUntil(
    () => existsSync(journal) && readFileSync(journal, "utf8").split("\n").length > 4,
    20_000,
  );
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  expect(code).toBe(130);
  expect(stderr).toContain(`To go on: --journal ${journal}`);
  expect(stderr).not.toMatch(/\n\s+at /);
  const again = await run(...args);
  expect(again.code).toBe(0);
  const left = /(\d+) sessions to hold/.exec(again.stderr)![1];
  expect(Number(left)).toBeLessThan(40);
});

describe("says in one line what is wrong, and ends with 1", () => {
  const refused = async (args: string[], message: RegExp) => {
    const { code, stderr, stdout } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  };

  test("a bad flag", () => refused(["--suite", "NOPE"], /^--suite "NOPE" is none of/));

  test("a key that is not accepted", () =>
    refused([...common(), "--key", "rosa2_other"], /Cannot evaluate .*invalid_key.*--key/));

  test("a baseline that the deployment does not offer", async () => {
    fake.adaptationKeys = ["mode"];
    await refused(
      [...common(), "--conditions", "compose"],
      /The condition "compose" needs adaptation.rewriter, which .* does not take/,
    );
    fake.adaptationKeys = ["mode", "rewriter"];
  });

  test("the Adam baseline on a deployment that runs already", () =>
    refused([...common(), "--conditions", "adam"], /started for it: give it alone, without --url/));

  test("a journal of something else", async () => {
    const journal = temporaryFile("journal.jsonl");
    writeFileSync(journal, "hello\n");
    await refused(["--url", url, "--journal", journal], /is not a journal of this command/);
    expect(readFileSync(journal, "utf8")).toBe("hello\n");
  });

  test("a suite file that is not there", () =>
    refused(["--suite", "nowhere.jsonl"], /Cannot read the suite nowhere.jsonl/));
});

test("prints its help without calling anything", async () => {
  const { code, stdout } = await run("--help", "--url", "http://127.0.0.1:9");
  expect(code).toBe(0);
  expect(stdout).toContain("--conditions NAMES");
  expect(existsSync(".rosa2/eval/--help")).toBe(false);
});
