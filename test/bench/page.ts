/**
 * `npm run bench:page`: the playground and the documents as a browser measures them, on the real Worker with the
 * stand-in for the GPU service.
 *
 * It measures Lighthouse's four scores of each page (phone, throttled, Lighthouse's defaults), and the time from an
 * interaction to the next paint in a session of 200 turns. Ends with 1 where a target is missed. npx fetches Lighthouse
 * at its pinned version: nothing else needs it, and it is large.
 */
import { execFile as executeFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Failure } from "../../shared/command/failure.ts";
import { readFlags } from "../../shared/command/flags.ts";
import { chromiumPath, launch, Visitor } from "../e2e/browser/support/browser.ts";
import { startPacedEdge } from "../e2e/browser/support/edge.ts";
import { compressing } from "./support/compressing.ts";

const lighthouse = "lighthouse@13.5.0";
const categories = ["performance", "accessibility", "best-practices", "seo"] as const;
const scoreMin = 95;
const paintMsMax = 200;

const execFile = promisify(executeFile);
const usage = `npm run bench:page [-- --turns N]

Measures the playground and the documents in Chromium: Lighthouse's four scores of each page, of which each is to be
${scoreMin} or more, and the longest time from an interaction to the next paint in a long session, which is to be
${paintMsMax} ms or less. Wants a quiet machine. Fetches ${lighthouse} with npx.

  --turns N   turns of the long session (200)
  --help      this text

  CHROMIUM    path of the browser, where it is not found by itself`;

try {
  await measure();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function measure(): Promise<void> {
  const { turns = "200" } = readFlags(usage, { turns: { type: "string" } });
  if (!/^[1-9]\d{0,3}$/.test(turns)) throw new Failure(`--turns ${turns}: must be from 1 to 9999`);
  if (chromiumPath === undefined) throw new Failure("No Chromium found: set CHROMIUM to its path");
  const state = mkdtempSync(join(tmpdir(), "rosa2-bench-page-"));
  const edge = await startPacedEdge(state);
  const platform = await compressing(edge.url);
  try {
    const pages = {
      sign_in: "/",
      start: `/#key=${edge.key}`,
      docs: "/docs",
      guides: "/docs/guides",
    };
    console.log(["page", ...categories].join("\t"));
    for (const [name, path] of Object.entries(pages)) {
      const scores = await scoresOf(`${platform.url}${path}`, join(state, `${name}.json`));
      console.log([name, ...scores].join("\t"));
      if (scores.some((score) => score < scoreMin)) process.exitCode = 1;
    }
    const { name, ms } = await longestPaint(edge, Number(turns));
    console.log(
      `interaction to next paint, ${turns} turns: ${Math.round(ms)} ms at most (${name})`,
    );
    if (ms > paintMsMax) process.exitCode = 1;
  } finally {
    platform.close();
    await edge.stop();
    rmSync(state, { recursive: true, force: true });
  }
}

/** From 0 to 100, in the order of `categories`. */
async function scoresOf(url: string, file: string): Promise<number[]> {
  await auditPage(url, file).catch(() => auditPage(url, file)); // Lighthouse misses a navigation now and then.
  const report = JSON.parse(readFileSync(file, "utf8")) as {
    categories: Record<string, { score: number | null }>;
    audits: Record<string, { title: string; score: number | null; scoreDisplayMode: string }>;
  };
  for (const { title, score, scoreDisplayMode } of Object.values(report.audits)) {
    if (scoreDisplayMode === "binary" && score === 0) console.log(`  fails: ${title}`);
  }
  return categories.map((name) => Math.round(100 * (report.categories[name]?.score ?? 0)));
}

async function auditPage(url: string, file: string): Promise<void> {
  await execFile(
    "npx",
    [
      "--yes",
      lighthouse,
      url,
      "--quiet",
      "--output=json",
      `--output-path=${file}`,
      `--only-categories=${categories.join(",")}`,
      "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
    ],
    { env: { ...process.env, CHROME_PATH: chromiumPath }, maxBuffer: 1e8 },
  );
}

/** The longest interaction with a long session: write, judge, unfold, send, stop reading. */
async function longestPaint(
  { url, key }: { url: string; key: string },
  turns: number,
): Promise<{ name: string; ms: number }> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const post = async (path: string, body: object) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Failure(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as { id: string };
  };
  const session = await post("/v1/sessions", { title: "Long" });
  for (let n = 1; n <= turns; n++) {
    await post(`/v1/sessions/${session.id}/turns`, { content: `Say hello number ${n}` });
  }
  const browser = await launch();
  const visitor = await Visitor.arrive(browser, url, { name: "long" });
  const { page } = visitor;
  await page.addInitScript(() => {
    const events: { name: string; ms: number }[] = [];
    Object.assign(globalThis, { events });
    // Event Timing's duration is not used: without a display Chromium ends it with a later frame than the event's own.
    const note = (event: Event) => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () =>
        events.push({ name: event.type, ms: performance.now() - event.timeStamp });
      requestAnimationFrame(() => painted.port2.postMessage(null));
    };
    for (const name of ["keydown", "pointerdown", "click"]) addEventListener(name, note, true);
  });
  await visitor.signIn(key);
  await page.goto(`/#/s/${session.id}`);
  await page
    .locator(".turn")
    .nth(turns - 1)
    .waitFor();
  await page.getByLabel("Your request").pressSequentially("Say good night", { delay: 30 });
  await page.keyboard.press("Enter");
  await visitor.reply(turns + 1);
  await page.getByRole("button", { name: "Say what is wrong" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Judge this reply" }).first().click();
  await page.getByRole("button", { name: "Correct it" }).last().click();
  await page.getByLabel("What should the reply have been?").fill("good night");
  await page.getByRole("button", { name: "Teach and try again" }).click();
  await visitor.reply(turns + 2);
  await page.waitForTimeout(500);
  const events = await page.evaluate(
    () => (globalThis as unknown as { events: { name: string; ms: number }[] }).events,
  );
  await browser.close();
  if (events.length < 20) throw new Failure(`Only ${events.length} interactions were measured`);
  return events.reduce((a, b) => (b.ms > a.ms ? b : a));
}
