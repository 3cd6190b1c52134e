/** The whole story with both services and the bundled model: wrong answer, feedback, diff, new generation, right answer, roll back. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { rootPath } from "../../../edge/local/settings.ts";
import { readRunning } from "../../../edge/local/state.ts";
import { isOutsideSkill, miniName, works } from "../../../edge/playground/src/mini.ts";
import { drawRequest } from "../support/requests.ts";
import { makeStateFolder, Rosa } from "../support/rosa.ts";
import { chromiumPath, launch, type Size, Visitor } from "./support/browser.ts";

const state = makeStateFolder();
let rosa: Rosa;
let browser: Browser;
let visitor: Visitor;

beforeAll(async () => {
  if (chromiumPath === undefined) return;
  [rosa, browser] = await Promise.all([Rosa.start(state.path), launch()]);
});
afterEach(() => visitor?.leave());
afterAll(async () => {
  await browser?.close();
  await rosa?.process.stop();
  state.remove();
});

async function arrive(name: string, size: Size): Promise<Visitor> {
  visitor = await Visitor.arrive(browser, rosa.url, { name, size });
  await visitor.signIn(rosa.key);
  return visitor;
}

/** A word that the model never saw, so that the weights have something to learn. */
const { content, answers } = drawRequest(31);

describe.skipIf(chromiumPath === undefined)("a visitor", () => {
  it.each(["desktop", "phone"] as const)("sees words and weights adapt: %s", async (size) => {
    const me = await arrive("story", size);
    const { page } = me;
    await me.shoot("start");
    await me.ask(content);
    const first = await me.reply(1);
    await me.shoot("first-reply");
    const meant = answers.find((answer) => answer !== first.trim()) ?? "";

    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("What should the reply have been?").fill(meant);
    await me.shoot("correcting");
    await page.getByRole("button", { name: "Teach and try again" }).click();
    expect((await me.reply(2)).trim()).toBe(meant);
    await page.locator(".diff ins").first().waitFor();
    expect(await page.locator(".card.weights .decision").textContent()).toBe("updated");
    expect(await page.locator(".card.weights .sentence").textContent()).toMatch(
      /^The right reply was .+, now .+\.$/,
    );
    const bars = page.locator(".chances tr[data-what=right] .chance-bar");
    const widths = await bars.evaluateAll((all) => all.map((bar) => bar.clientWidth));
    expect(widths[1]).toBeGreaterThan(widths[0] ?? 0);
    await me.shoot("sentences");
    await page.getByText("The numbers").click();
    expect(await page.locator(".card.weights .reason").textContent()).not.toBe("");
    const measures = page.locator(".card.weights .measures");
    for (const name of [
      "shift ‖Δθ‖",
      "KL, nats a token",
      "update",
      "cost",
      "generation",
      "objective",
    ]) {
      const measure = measures
        .locator("div")
        .filter({ has: page.locator("dt", { hasText: name }) });
      expect(await measure.locator("dd").first().textContent()).not.toBe("–");
      expect((await measure.locator(".means").textContent())?.length).toBeGreaterThan(20);
    }
    await page.locator(".shifts .predicted + span").waitFor();
    await page.locator(".shifts .realised + span").waitFor();
    expect(await page.locator(".turn .generation").allTextContents()).toEqual(["base", "g1"]);
    await me.shoot("learnt");
    expect(await me.findBarriers()).toEqual([]);

    await me.show("What it learnt");
    await page.locator(".plot").waitFor();
    await me.shoot("generations");
    await page.getByRole("button", { name: "Roll back to base" }).click();
    await page.getByRole("button", { name: "Use g1" }).waitFor();
    await me.shoot("rolled-back");
    await me.show("Conversation");
    await me.ask("Sort them, as plain text: 5 3 8");
    await me.reply(3);
    expect(await page.locator(".turn .generation").last().textContent()).toBe("base");

    await me.show("What it learnt");
    await page.getByRole("button", { name: "Fork at g1" }).click();
    await page.getByRole("link", { name: "forked" }).waitFor({ state: "attached" });
    expect(await page.locator(".turn .generation").allTextContents()).toEqual(["base", "g1"]);
    await me.shoot("forked");
    expect(me.complaints).toEqual([]);
  });

  it("is told what the model is, and each example request is answered as promised", async () => {
    const me = await arrive("model", "desktop");
    const { page } = me;
    await page.getByRole("link", { name: /rosa2-mini/ }).click();
    await page.getByRole("heading", { name: "What works" }).waitFor();
    await me.shoot("panel");
    expect(await me.findBarriers()).toEqual([]);
    expect(works.length).toBeGreaterThanOrEqual(12);
    for (const { request, answer } of works) {
      const session = await rosa.openSession();
      const turn = await rosa.ask(session.id, request);
      expect([request, turn.reply]).toEqual([request, answer]);
      expect(isOutsideSkill(miniName, turn.reply, turn.confidence), request).toBe(false);
    }
    await page.getByRole("button", { name: works[0]!.request }).click();
    expect(await me.reply(1)).toBe(works[0]!.answer);
    await me.ask("What is the capital of France?");
    await me.reply(2);
    await page.getByRole("link", { name: "See what works" }).waitFor();
    await me.shoot("outside");
    expect(await me.findBarriers()).toEqual([]);
  });

  it("sees what the README's picture shows", async () => {
    const readme = readFileSync(join(rootPath, "README.md"), "utf8");
    const [, told] = /!\[(.+?)\]\(edge\/playground\/story\.png\)/.exec(readme)!;
    const me = await arrive("readme", "desktop");
    const { page } = me;
    // Tall enough for the whole story.
    await page.setViewportSize({ width: 1280, height: 1030 });
    await me.ask("Sort them, then take two, in brackets: 3 8 0 5");
    expect(await me.reply(1)).toBe("[0 3]");
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("What should the reply have been?").fill("[5 8]");
    await page.getByRole("button", { name: "Teach and try again" }).click();
    expect(await me.reply(2)).toBe("[5 8]");
    expect(await page.locator(".diff ins").allTextContents()).toEqual([
      "from smallest to largest",
      "from the end",
    ]);
    const sentence = await page.locator(".card.weights .sentence").textContent();
    const [, before, after] = /^The right reply was (.+), now (.+)\.$/.exec(sentence!)!;
    expect(told).toContain(` and is now ${after}`);
    // Processors add in another order, and few chances are exact to the second digit.
    const oddsOf = (text: string) => Number(/\b1 in (\d+)\b/.exec(text)?.[1]);
    expect(oddsOf(told!) / oddsOf(before!)).toBeCloseTo(1, 1);
    await me.shoot("learnt");
    const tokens = page.locator(".tokens");
    expect(await tokens.getAttribute("open")).toBeNull();
    await tokens.getByText("Token by token").click();
    // The tokens join to the replies. Where the two replies differ, probability has moved from one to the other.
    const right = page.getByRole("figure", { name: "The right reply" });
    expect((await right.locator("code").allTextContents()).join("").trim()).toBe("[5 8]");
    const rejected = page.getByRole("figure", { name: "The rejected reply" });
    expect((await rejected.locator("code").allTextContents()).join("").trim()).toBe("[0 3]");
    const barsOf = (of: typeof right, time: "before" | "now") =>
      of
        .locator(`.${time}`)
        .evaluateAll((bars) => bars.map((bar) => Number.parseFloat(bar.style.height)));
    const leastOf = async (of: typeof right, time: "before" | "now") =>
      Math.min(...(await barsOf(of, time)));
    expect(await leastOf(right, "now")).toBeGreaterThan(await leastOf(right, "before"));
    expect(await leastOf(rejected, "now")).toBeLessThan(await leastOf(rejected, "before"));
    await right.scrollIntoViewIfNeeded();
    await me.shoot("tokens");
    await me.ask("Sort them, then take two, in brackets: 4 7 1 9");
    expect(await me.reply(3)).toBe("[7 9]");
    await me.shoot("another-list");
  });

  it("compares the four ways: a verdict, the right answers in every column, and nothing left behind", async () => {
    const me = await arrive("four-ways", "phone");
    const { page } = me;
    const open = async () =>
      (await rosa.get<{ data: { id: string }[] }>("/v1/sessions")).data.map(({ id }) => id);
    const before = await open();
    await page.getByRole("link", { name: "Compare" }).click();
    const meant = await page.getByLabel("The right answer").inputValue();
    const compare = page.getByRole("button", { name: "Compare", exact: true });
    await compare.click();
    const verdict = page.getByRole("region", { name: "Verdict" });
    await verdict.waitFor({ timeout: 120_000 });
    await verdict.scrollIntoViewIfNeeded();
    await me.shoot("verdict");
    const both = verdict.getByRole("row", { name: /^Both/ });
    await both.locator("td[data-right=true]", { hasText: "right" }).waitFor();
    expect(await verdict.locator("td[data-right=true]").count()).toBe(1);
    const sequels = page.locator(".run .sequel-step .step-said code");
    const answers = await sequels.allTextContents();
    expect(answers.length).toBe(4);
    expect(new Set(answers).size).toBe(1);
    expect(await page.locator('[data-mode="both"] .step-reply code').allTextContents()).toEqual(
      expect.arrayContaining([meant, answers[0]]),
    );
    const overflow = () =>
      page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
    expect(await overflow()).toBe(0);
    expect(await me.findBarriers()).toEqual([]);
    const compared = (await open()).filter((id) => !before.includes(id));
    expect(compared).toHaveLength(4);
    await compare.click();
    // The next comparison has begun, and the sessions of the one before are erased.
    const left = async () => (await open()).filter((id) => compared.includes(id));
    await expect.poll(left).toEqual([]);
  });

  it("downloads a generation as a PEFT archive", async () => {
    const me = await arrive("download", "desktop");
    const { page } = me;
    await me.ask(content);
    const first = await me.reply(1);
    const meant = answers.find((answer) => answer !== first.trim()) ?? "";
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("What should the reply have been?").fill(meant);
    await page.getByRole("button", { name: "Teach and try again" }).click();
    await me.reply(2);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "PEFT adapter of g1" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^gen_.*\.zip$/);
  });

  it("is told that the model is gone, keeps what was sent, and goes on when it is back", async () => {
    const me = await arrive("outage", "desktop");
    const { page } = me;
    await me.ask("Sort them, as plain text: 3 1 2");
    await me.reply(1);
    process.kill(readRunning(state.path)?.gpuPid ?? 0, "SIGKILL");
    await sleep(300);
    await me.ask("Sort them, as plain text: 6 5 4");
    await page.getByText("The model cannot be reached right now").waitFor();
    await page.reload();
    await page.getByText("The model cannot be reached. What you send is kept").waitFor();
    await me.shoot("model-gone");
    expect(await me.findBarriers()).toEqual([]);
    // It is started again, and loads, before it answers.
    await page.locator(".trouble").waitFor({ state: "detached", timeout: 120_000 });
    await page.getByRole("button", { name: "Run it again" }).click();
    expect(await me.reply(2)).not.toBe("");
    await me.shoot("model-back");
  });
});
