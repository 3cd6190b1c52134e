/** The playground on the real Worker, with a model whose pace and failures the test sets. */
import { gzipSync } from "node:zlib";
import type { Browser, Locator, Response } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { chromiumPath, type Size, Visitor } from "./support/browser.ts";
import type { PacedEdge } from "./support/edge.ts";
import { useEdge } from "./support/use-edge.ts";

const longRequest = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
let edge: PacedEdge;
let browser: Browser;
let visitor: Visitor;

useEdge((startedEdge, startedBrowser) => {
  edge = startedEdge;
  browser = startedBrowser;
});
afterEach(async () => {
  await visitor?.leave();
  await edge?.behave({});
});

async function arrive(name: string, size: Size = "desktop", dark = false): Promise<Visitor> {
  visitor = await Visitor.arrive(browser, edge.url, { name, size, dark });
  return visitor;
}

/** Signs in and opens a session that has answered `request`. */
async function converse(name: string, request: string, size: Size = "desktop", dark = false) {
  const me = await arrive(name, size, dark);
  await me.signIn(edge.key);
  await me.ask(request);
  return me;
}

describe.skipIf(chromiumPath === undefined)("the key", () => {
  it("is taken from the link, leaves the address bar and lasts", async () => {
    const me = await arrive("key");
    await me.signIn(edge.key);
    expect(me.page.url()).not.toContain(edge.key);
    await me.page.reload();
    await me.page.getByRole("heading", { name: "Start with an example" }).waitFor();
    await me.page.getByRole("button", { name: "Sign out" }).click();
    await me.page.getByLabel("API key").waitFor();
    await me.page.reload();
    await me.page.getByLabel("API key").waitFor();
    expect(me.complaints).toEqual([]);
  });

  it("is refused with a reason when it is wrong, and can be entered again", async () => {
    const me = await arrive("wrong-key");
    await me.page.goto("/");
    await me.shoot("sign-in");
    expect(await me.findBarriers()).toEqual([]);
    await me.page.getByLabel("API key").fill(`rosa2_${"0".repeat(43)}`);
    await me.page.getByRole("button", { name: "Sign in" }).click();
    await me.page.getByText("This key is not valid here").waitFor();
    await me.shoot("refused");
    await me.page.getByLabel("API key").fill(edge.key);
    await me.page.getByRole("button", { name: "Sign in" }).click();
    await me.page.getByRole("heading", { name: "Start with an example" }).waitFor();
    // The browser itself reports the 401; there is no other message.
    expect(me.complaints.filter((text) => !text.includes("401"))).toEqual([]);
  });

  it("that was revoked ends the visit with a reason", async () => {
    const me = await arrive("revoked");
    await me.page.goto(`/#key=rosa2_${"1".repeat(43)}`);
    await me.page.getByText("The key is no longer valid").waitFor();
  });
});

describe.skipIf(chromiumPath === undefined)("a reply", () => {
  it("goes on after a reload in the middle, without loss or repetition", async () => {
    await edge.behave({ holdAfter: 14 });
    const me = await converse("reload", longRequest);
    const reply = me.page.locator(".turn .reply");
    await expect.poll(() => reply.textContent()).toContain("word8");
    await me.shoot("streaming");
    await me.page.reload();
    await expect.poll(() => reply.textContent()).toContain("word12");
    expect(await me.page.locator(".turn").getAttribute("data-status")).toBe("running");
    await edge.behave({});
    expect(await me.reply(1)).toBe(`echo: ${longRequest}`);
    expect(me.complaints).toEqual([]);
  });

  it("moves nothing that is already shown while its tokens come", async () => {
    const me = await arrive("shift");
    await me.page.addInitScript(() => {
      const shifts: { value: number; what: string; at: number }[] = [];
      Object.assign(globalThis, { shifts });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          const { value, hadRecentInput, sources } = entry as LayoutShift;
          const what = sources.map(({ node }) => (node as Element | null)?.className).join();
          if (!hadRecentInput) shifts.push({ value, what, at: entry.startTime });
        }
      }).observe({ type: "layout-shift", buffered: true });
    });
    await me.signIn(edge.key);
    await me.ask("Say hello");
    await me.reply(1);
    await edge.behave({ deltaMs: 100 });
    await me.ask(longRequest);
    const reply = me.page.locator(".turn .reply").nth(1);
    await expect.poll(() => reply.textContent()).toContain("word2");
    // Sending itself moves the field and more. That is not the stream's doing, though it may be reported late.
    const began = await me.page.evaluate(() => performance.now());
    await me.reply(2);
    const shifts = await me.page.evaluate(
      (began) =>
        (globalThis as unknown as { shifts: { at: number }[] }).shifts.filter(
          ({ at }) => at > began,
        ),
      began,
    );
    expect(shifts).toEqual([]);
  });

  it("ends where it is stopped, and its written part stays", async () => {
    await edge.behave({ holdAfter: 20 });
    const me = await converse("stop", longRequest);
    await expect.poll(() => me.page.locator(".reply").textContent()).toContain("word2");
    await me.page.getByRole("button", { name: "Stop" }).click();
    await me.page.locator('.turn[data-status="stopped"]').waitFor();
    const kept = (await me.page.locator(".reply").textContent()) ?? "";
    expect(`echo: ${longRequest}`.startsWith(kept)).toBe(true);
    expect(kept).not.toContain("word59");
    await me.shoot("stopped");
  });

  it("that failed says so, is kept and can be run again", async () => {
    await edge.behave({ breakAfter: 2 });
    const me = await converse("failed", "Say hello to everyone");
    await me.page.getByText("The model cannot be reached right now").waitFor();
    await me.shoot("failed");
    expect(await me.findBarriers()).toEqual([]);
    await edge.behave({});
    await me.page.getByRole("button", { name: "Run it again" }).click();
    expect(await me.reply(1)).toBe("echo: Say hello to everyone");
  });
});

describe.skipIf(chromiumPath === undefined)("feedback", () => {
  it("shows how far it is, survives a reload, and ends with the new reply", async () => {
    const me = await converse("progress", "Sort them, as plain text: 6 2 9 4 1");
    await me.reply(1);
    await edge.behave({ hold: ["/v1/adapt"] });
    await me.page.getByRole("button", { name: "Correct it" }).click();
    await me.page.getByLabel("What should the reply have been?").fill("9 6 4 2 1");
    await me.page.getByRole("button", { name: "Teach and try again" }).click();
    await me.page.getByText("Updating the adapter").waitFor();
    await me.shoot("updating");
    await me.page.reload();
    await me.page.getByText("Updating the adapter").waitFor();
    await edge.behave({});
    expect(await me.reply(2)).toBe("9 6 4 2 1");
    await me.page.getByText("updated", { exact: true }).waitFor();
    await me.shoot("updated");
    expect(me.complaints).toEqual([]);
  });

  it("can be given with the keyboard alone", async () => {
    const me = await converse("keyboard", "Say hello");
    await me.reply(1);
    await me.page.getByRole("button", { name: "Say what is wrong" }).focus();
    await me.page.keyboard.press("Enter");
    await me.page.keyboard.type("in French please");
    await me.page.keyboard.press("Enter");
    await me.reply(2);
    const focus = await me.page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    expect(focus).toBe("Conversation");
  });

  it("is announced to screen readers: what changed, then the reply", async () => {
    const me = await converse("listening", "Sort them, as plain text: 6 2 9 4 1");
    await me.reply(1);
    await me.page.getByRole("button", { name: "Correct it" }).click();
    await me.page.getByLabel("What should the reply have been?").fill("9 6 4 2 1");
    await me.page.getByRole("button", { name: "Teach and try again" }).click();
    await me.reply(2);
    const told = me.page.locator(".transcript [aria-live=polite]");
    await expect.poll(() => told.textContent()).toMatch(/Weights updated: .+Reply: 9 6 4 2 1/);
  });

  it("says to screen readers who speaks", async () => {
    const me = await converse("speakers", "Say hello");
    await me.reply(1);
    const said = await me.page.locator(".turn").first().locator("p").allTextContents();
    expect(said.slice(0, 4)).toEqual(["You:", "Say hello", "fake-mini:", "echo: Say hello"]);
  });

  it("that accepts a reply leaves the words and asks for no retry", async () => {
    const me = await converse("accept", "Say hello");
    await me.reply(1);
    await me.page.getByRole("button", { name: "Right", exact: true }).click();
    await me.page.getByText("You said it was right").waitFor();
    expect(await me.page.locator(".turn").count()).toBe(1);
    expect(await me.page.locator(".card").count()).toBe(0);
  });
});

describe.skipIf(chromiumPath === undefined)("the page", () => {
  it("weighs at most 150 kB compressed at first load, and its policy says what it may load", async () => {
    const me = await arrive("weight");
    const responses: Response[] = [];
    me.page.on("response", (response) => responses.push(response));
    const answer = await me.page.goto("/");
    await me.page.getByLabel("API key").waitFor();
    const loaded = await Promise.all(responses.map((response) => response.body()));
    for (const body of loaded) expect(body.includes("lineNumber:")).toBe(false);
    const sizes = loaded.map((body) => gzipSync(body).byteLength);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    console.log(`First load: ${(total / 1000).toFixed(1)} kB compressed in ${sizes.length} files`);
    expect(total).toBeLessThan(150_000);
    const policy = answer?.headers()["content-security-policy"];
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
  });

  for (const [size, dark] of [
    ["desktop", false],
    ["desktop", true],
    ["phone", false],
    ["phone", true],
  ] as const) {
    it(`has no barriers and fits: ${size}, ${dark ? "dark" : "light"}`, async () => {
      const me = await converse("tour", "Sort them, as plain text: 6 2 9 4 1", size, dark);
      await me.reply(1);
      await me.page.getByRole("button", { name: "Correct it" }).click();
      await me.page.getByLabel("What should the reply have been?").fill("9 6 4 2 1");
      expect(await me.findBarriers()).toEqual([]);
      await me.page.getByRole("button", { name: "Teach and try again" }).click();
      await me.reply(2);
      await me.page.getByText("The numbers").first().click();
      await me.page.locator(".shifts").first().waitFor();
      await me.shoot("session");
      expect(await me.findBarriers()).toEqual([]);
      expect(await overflow(me)).toBe(0);
      await me.show("What it learnt");
      await me.page.locator(".lineage").waitFor();
      await me.shoot("learnt");
      expect(await me.findBarriers()).toEqual([]);
      await me.page.getByRole("button", { name: "Roll back to base" }).click();
      await me.page.getByRole("button", { name: "Use g1" }).waitFor();
      await me.shoot("rolled-back");
      expect(await me.findBarriers()).toEqual([]);
      await me.page.getByRole("button", { name: "Fork at g1" }).click();
      const origin = me.page.getByRole("link", { name: "forked" });
      await origin.waitFor();
      await expect.poll(() => isInSight(origin)).toBe(true);
      await me.shoot("forked");
      expect(await me.findBarriers()).toEqual([]);
      expect(await overflow(me)).toBe(0);

      await me.page.getByRole("link", { name: "Usage" }).click();
      await me.page.locator(".chart").waitFor();
      await me.page.getByText("bootstrap").first().waitFor();
      await me.shoot("usage");
      expect(await me.findBarriers()).toEqual([]);
      expect(await overflow(me)).toBe(0);

      await me.page.getByRole("link", { name: "Compare" }).click();
      await me.page.getByRole("button", { name: "Compare", exact: true }).click();
      await me.page.locator(".run .open-session").nth(3).waitFor({ timeout: 120_000 });
      await me.shoot("compared");
      expect(await me.findBarriers()).toEqual([]);
      expect(await overflow(me)).toBe(0);

      await me.page.getByRole("link", { name: "Chat" }).click();
      await me.page.getByRole("heading", { name: "Earlier sessions" }).waitFor();
      await me.shoot("start");
      expect(await me.findBarriers()).toEqual([]);
      expect(await overflow(me)).toBe(0);
      expect(me.complaints).toEqual([]);
    });
  }

  it("begins with the keyboard's focus in the field, at the top, and shows no figure before it has one", async () => {
    const me = await arrive("arrival");
    await me.signIn(edge.key);
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await me.page.route("**/v1/usage*", async (route) => {
      await held;
      await route.continue();
    });
    await me.page.getByRole("link", { name: "Usage" }).click();
    const tokens = me.page.locator(".tiles dd").first();
    expect(await tokens.textContent()).toBe("–");
    expect(await me.page.evaluate(() => document.activeElement?.id)).toBe("main");
    await me.shoot("reading");
    answer();
    await expect.poll(() => tokens.textContent()).toMatch(/^[\d,]+$/);
  });

  it("makes and revokes keys, sets a cap, and is stopped by it in plain words", async () => {
    const me = await arrive("account");
    await me.signIn(edge.key);
    me.page.on("dialog", (dialog) => void dialog.accept());
    await me.page.getByRole("link", { name: "Usage" }).click();
    await me.page.getByLabel("Name of a new key").fill("Phone app");
    await me.page.getByRole("button", { name: "Make a key" }).click();
    await me.page.getByText("shown this once").waitFor();
    const made = await me.page.locator(".made-key code").textContent();
    expect(made).toMatch(/^rosa2_/);
    await me.page.getByRole("button", { name: "Revoke Phone app" }).click();
    await me.page.getByText("revoked").waitFor();
    await me.page.getByLabel(/Monthly cap/).fill("0");
    await me.page.getByRole("button", { name: "Set the cap" }).click();
    await me.page.getByText("Saved.").waitFor();
    await me.shoot("capped");
    await me.page.getByRole("link", { name: "Chat" }).click();
    await me.ask("Say hello");
    await me.page.getByText("spend cap is reached").waitFor();
    const field = me.page.getByLabel("Your request");
    await expect.poll(() => field.inputValue()).toBe("Say hello");
    await me.shoot("stopped-by-cap");
    await me.page.getByRole("link", { name: "Raise the cap" }).click();
    await me.page.getByLabel(/Monthly cap/).fill("");
    await me.page.getByRole("button", { name: "Set the cap" }).click();
    await me.page.getByText("Saved.").waitFor();
  });

  it("says what a key cannot do that lacks the scope", async () => {
    const response = await fetch(`${edge.url}/v1/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${edge.key}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "chat only", scopes: ["chat"] }),
    });
    const { key } = (await response.json()) as { key: string };
    const me = await arrive("scope");
    await me.signIn(key);
    await me.page.getByRole("link", { name: "Usage" }).click();
    await me.page.getByText("need the scope “admin”").waitFor();
  });
});

interface LayoutShift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
  sources: { node: Node | null }[];
}

/** Pixels by which the page is wider than its window. */
/** Whether a visitor sees the element's middle without scrolling. */
function isInSight(of: Locator): Promise<boolean> {
  return of.evaluate((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
  });
}

function overflow(me: Visitor): Promise<number> {
  return me.page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
}
