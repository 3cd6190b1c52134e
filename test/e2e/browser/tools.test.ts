/** What people expect of a chat page: rich replies, copies, edits, drafts, keys, search; on small screens too. */
import type { Browser } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { chromiumPath, type Size, Visitor } from "./support/browser.ts";
import type { PacedEdge } from "./support/edge.ts";
import { useEdge } from "./support/use-edge.ts";

let edge: PacedEdge;
let browser: Browser;
let visitor: Visitor;

useEdge((startedEdge, startedBrowser) => {
  edge = startedEdge;
  browser = startedBrowser;
});
afterEach(() => visitor?.leave());

async function converse(name: string, request: string, size: Size = "desktop", dark = false) {
  visitor = await Visitor.arrive(browser, edge.url, { name, size, dark });
  await visitor.signIn(edge.key);
  await visitor.ask(request);
  await visitor.reply(1);
  return visitor;
}

const markdown = [
  "```js",
  'const answer = "42"; // <b>',
  "```",
  "",
  "| a | b |",
  "|---|---|",
  "| 1 | **2** |",
  "",
  "[go](javascript:alert(1)) <img src=x onerror=alert(1)> [there](https://example.com)",
].join("\n");

describe.skipIf(chromiumPath === undefined)("a reply", () => {
  it("in Markdown becomes elements, with nothing in them that could act", async () => {
    const me = await converse("markdown", `see\n\n${markdown}`);
    const { page } = me;
    const rich = page.locator(".reply.rich");
    await rich.locator("pre code .hljs-string").first().waitFor();
    expect(await rich.locator("td strong").textContent()).toBe("2");
    expect(await rich.textContent()).toContain("<img src=x onerror=alert(1)>");
    expect(await rich.locator("img, script, [onerror]").count()).toBe(0);
    expect(
      await rich.locator("a").evaluateAll((all) => all.map((a) => a.getAttribute("href"))),
    ).toEqual([null, "https://example.com"]);
    await rich.getByRole("button", { name: "Copy code" }).click();
    await me.shoot("markdown");
    expect(await me.findBarriers()).toEqual([]);
    expect(me.complaints).toEqual([]);
  });

  it("that is plain loads nothing more and can be copied; its request can be edited, or asked again unchanged", async () => {
    const me = await converse("tools", "Say hello");
    const { page } = me;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    expect(await page.locator(".reply.rich").count()).toBe(0);
    await page.getByRole("button", { name: "Copy the reply" }).click();
    await expect
      .poll(() => page.evaluate(() => navigator.clipboard.readText()))
      .toBe("echo: Say hello");
    await page.getByRole("button", { name: "Edit the request and send it again" }).click();
    const field = page.getByLabel("Your request");
    expect(await field.inputValue()).toBe("Say hello");
    await field.fill("Say hello again");
    await field.press("Enter");
    expect(await me.reply(2)).toBe("echo: Say hello again");
    const asked = page.waitForRequest((request) => request.url().endsWith("/turns"));
    await page.getByRole("button", { name: "Ask the same again" }).nth(1).click();
    expect((await asked).postDataJSON()).toMatchObject({
      content: "Say hello again",
      temperature: 1,
    });
    expect(await me.reply(3)).toBe("echo: Say hello again");
    await page.getByRole("button", { name: "Judge this reply to: Say hello", exact: true }).click();
    await page.getByRole("button", { name: "Right", exact: true }).first().click();
    await page.getByText("You said it was right").waitFor();
  });
});

describe.skipIf(chromiumPath === undefined)("feedback that cannot mislead", () => {
  it("does not send the reply as its own correction, says so, and goes back to its button", async () => {
    const me = await converse("unchanged", "Say hello");
    const { page } = me;
    const sent: string[] = [];
    page.on("request", (request) => {
      if (request.method() === "POST") sent.push(request.url());
    });
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.keyboard.press("Enter");
    await page.getByText("This is the reply as it is").waitFor();
    await me.shoot("unchanged");
    expect(sent).toEqual([]);
    await page.keyboard.press("Escape");
    const focus = await page.evaluate(() => document.activeElement?.textContent?.trim());
    expect(focus).toBe("Correct it");
  });
});

describe.skipIf(chromiumPath === undefined)("the page", () => {
  it("keeps what was written and not sent, for each session", async () => {
    const me = await converse("draft", "Say hello");
    const { page } = me;
    await page.getByLabel("Your request").fill("half a thought");
    await page.reload();
    await expect.poll(() => page.getByLabel("Your request").inputValue()).toBe("half a thought");
    await page.getByRole("link", { name: "Chat" }).click();
    await expect.poll(() => page.getByLabel("Your request").inputValue()).toBe("");
  });

  it("is in step in two tabs", async () => {
    const me = await converse("tabs", "Say hello");
    const other = await me.page.context().newPage();
    await other.goto(me.page.url());
    await other.locator(".turn").first().waitFor();
    await me.ask("Say goodbye");
    await me.reply(2);
    await other.getByText("echo: Say goodbye").waitFor();
  });

  it("shows how full the model's window is, before that is an error", async () => {
    const me = await converse("window", "Say hello");
    const { page } = me;
    const meter = page.getByRole("meter", { name: "Used of the model’s window" });
    expect(await meter.count()).toBe(0);
    await me.ask(Array.from({ length: 160 }, (_, index) => `word${index}`).join(" "));
    await me.reply(2);
    await meter.waitFor();
    const [used, most] = [await meter.getAttribute("value"), await meter.getAttribute("max")];
    expect(Number(used)).toBeGreaterThan(Number(most) / 2);
    await me.shoot("filling");
    await page.locator(".window").getByRole("link", { name: "New session" }).click();
    await page.getByRole("heading", { name: "Start with an example" }).waitFor();
  });

  it("lists its keys, which act only outside of fields", async () => {
    const me = await converse("keys", "Say hello");
    const { page } = me;
    await page.getByRole("region", { name: "Conversation" }).focus();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await me.shoot("keys");
    expect(await me.findBarriers()).toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("request");
    await page.keyboard.type("n?");
    expect(await page.getByLabel("Your request").inputValue()).toBe("n?");
  });

  it("finds a session by its title and saves a transcript", async () => {
    const me = await converse("search", "Say a very rare word");
    const { page } = me;
    await me.show("What it learnt");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Transcript" }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^ses_.*\.md$/);
    await page.getByRole("link", { name: "Chat" }).click();
    // The session's page has such a field too.
    await page.getByRole("heading", { name: "Start with an example" }).waitFor();
    await page.getByLabel("Search the titles").fill("very rare");
    await expect.poll(() => page.locator(".recent li").count()).toBe(1);
    page.once("dialog", (dialog) => void dialog.accept("A very rare name"));
    await page.getByRole("button", { name: /^Rename/ }).click();
    await page.locator(".recent-title", { hasText: "A very rare name" }).waitFor();
    await page.reload();
    await page.locator(".recent-title", { hasText: "A very rare name" }).waitFor();
    await page.getByLabel("Search the titles").fill("nowhere to be found");
    await page.getByText("No session’s title has").waitFor();
  });

  it("shows the sessions beside the chat, where they can be found, renamed, erased and folded away", async () => {
    const me = await converse("beside", "Say a word beside");
    const { page } = me;
    const beside = page.getByRole("navigation", { name: "Sessions" });
    const own = beside.getByRole("link", { name: /Say a word beside/ });
    await own.and(page.locator("[aria-current=page]")).waitFor();
    await me.shoot("sessions");
    expect(await me.findBarriers()).toEqual([]);
    page.once("dialog", (dialog) => void dialog.accept("Renamed beside"));
    await beside.getByRole("button", { name: "Rename Say a word beside" }).click();
    await beside.getByRole("link", { name: /Renamed beside/ }).waitFor();
    await beside.getByLabel("Search the titles").fill("renamed");
    await expect.poll(() => beside.locator(".recent li").count()).toBe(1);
    await beside.getByRole("button", { name: "Sessions" }).click();
    await page.reload();
    await page.locator(".turn").first().waitFor();
    expect(await beside.locator(".recent").count()).toBe(0);
    await beside.getByRole("button", { name: "Sessions" }).click();
    page.once("dialog", (dialog) => void dialog.accept());
    await beside.getByRole("button", { name: "Erase Renamed beside" }).click();
    await page.getByRole("heading", { name: "Start with an example" }).waitFor();
  });

  it("says before a correction is sent whether it can be learned, and asks when the writer pauses", async () => {
    const me = await converse("reach", "Sort them, as plain text: 6 2 9 4 1");
    const { page } = me;
    await page.getByRole("button", { name: "Correct it" }).click();
    const field = page.getByLabel("What should the reply have been?");
    const asked = async () =>
      (await edge.calls()).filter(({ path }) => path === "/v1/score").length;
    const before = await asked();
    // All letters in one go: on a busy machine a driver's own pauses between keys are pauses of the writer.
    await field.evaluate((input: HTMLTextAreaElement) => {
      input.value = "";
      for (const character of "9 6 4 2 1") {
        input.value += character;
        input.dispatchEvent(new InputEvent("input", { bubbles: true }));
      }
    });
    await page.getByText("One correction can teach this. Its chance now: 1 in 150.").waitFor();
    expect((await asked()) - before).toBe(1);
    await me.shoot("near");
    await edge.behave({ reach: { unwritable: ["é"] } });
    await field.fill("née");
    await page.getByText("The model cannot write “é”: it has no token for it.").waitFor();
    await me.shoot("unwritable");
    expect(await me.findBarriers()).toEqual([]);
    await edge.behave({ down: ["/v1/score"] });
    await field.fill("née Grün");
    await page.getByText("The model cannot write").waitFor({ state: "detached" });
    await edge.behave({});
    await page.getByRole("button", { name: "Teach and try again" }).click();
    await me.reply(2);
  });

  it("leads from try to try, says in words what each generation learnt, and branches from any reply", async () => {
    const me = await converse("tries", "Sort them, as plain text: 6 2 9 4 1");
    const { page } = me;
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("What should the reply have been?").fill("9 6 4 2 1");
    await page.getByRole("button", { name: "Teach and try again" }).click();
    await me.reply(2);
    await page.getByText("Try 2 of 2").waitFor();
    await page.getByRole("button", { name: "Previous try" }).last().click();
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? "");
    expect(await focused()).toContain("Try 1 of 2");
    await page.getByRole("button", { name: "Next try" }).first().click();
    expect(await focused()).toContain("Try 2 of 2");
    const learnt = page.locator(".lineage-learnt");
    await expect.poll(() => learnt.count()).toBe(2);
    expect(await learnt.nth(0).textContent()).toBe("The model as it came.");
    expect(await learnt.nth(1).textContent()).toMatch(
      /^“Sort them, as plain text: 6 2 9 4 1” is to be answered 9 6 4 2 1\. The right reply was .+, now .+\.$/,
    );
    await me.shoot("tries");
    expect(await me.findBarriers()).toEqual([]);
    await page.getByRole("button", { name: "Branch from this reply" }).first().click();
    await page.getByRole("link", { name: "forked" }).waitFor();
    await expect.poll(() => page.locator(".turn").count()).toBe(1);
  });

  it("shows usage by session, linked to it by title, and by owner", async () => {
    const me = await converse("usage", "Say a word to be billed");
    const { page } = me;
    await page.getByRole("link", { name: "Usage", exact: true }).click();
    const row = page.getByRole("rowheader").getByRole("link", { name: "Say a word to be billed" });
    // A session reports its usage to the account a moment later, and the page reads it once.
    const seen = async () => {
      await page.reload();
      await page.getByRole("radio", { name: "Session" }).check({ force: true });
      await page.getByRole("rowheader").first().waitFor();
      return row.count();
    };
    await expect.poll(seen, { timeout: 120_000, interval: 3_000 }).toBe(1);
    await me.shoot("by-session");
    await page.getByRole("radio", { name: "Owner" }).check({ force: true });
    await page.getByRole("rowheader", { name: "No owner" }).waitFor();
    await page.getByRole("radio", { name: "Session" }).check({ force: true });
    await row.click();
    await page.getByText("echo: Say a word to be billed").waitFor();
  });

  it("prints the conversation whole, with what changed, on white", async () => {
    const me = await converse("print", "Sort them, as plain text: 6 2 9 4 1", "desktop", true);
    const { page } = me;
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("What should the reply have been?").fill("9 6 4 2 1");
    await page.getByRole("button", { name: "Teach and try again" }).click();
    await me.reply(2);
    await page.emulateMedia({ media: "print" });
    await me.shoot("page");
    for (const shown of ["Sort them, as plain text: 6 2 9 4 1", "it should be"]) {
      await page.getByText(shown).first().waitFor();
    }
    for (const gone of [page.locator("header"), page.locator("nav"), page.locator("form")]) {
      expect(await gone.evaluateAll((all) => all.filter((one) => one.checkVisibility()))).toEqual(
        [],
      );
    }
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(paper).toBe("rgb(250, 249, 246)");
    const cut = await page
      .locator(".transcript")
      .evaluate((box) => box.scrollHeight - box.clientHeight);
    expect(cut).toBe(0);
  });

  it.each([
    ["narrow", false],
    ["narrow", true],
    ["landscape", false],
    ["landscape", true],
  ] as const)("fits and has no barriers: %s, dark %s", async (size, dark) => {
    const me = await converse("fits", "Sort them, as plain text: 6 2 9 4 1", size, dark);
    const { page } = me;
    await page.getByRole("button", { name: "Correct it" }).click();
    await page.getByLabel("What should the reply have been?").fill("9 6 4 2 1");
    await page.getByRole("button", { name: "Teach and try again" }).click();
    await me.reply(2);
    await me.shoot("session");
    expect(await overflow(me)).toBe(0);
    expect(await me.findBarriers()).toEqual([]);
    const shown = await page.locator(".transcript").evaluate((box) => box.clientHeight);
    expect(shown).toBeGreaterThan(size === "landscape" ? 170 : 250);
    for (const name of ["Compare", "Usage", "Chat"]) {
      await page.getByRole("link", { name, exact: true }).click();
      await page.locator("h1").first().waitFor();
      await me.shoot(name);
      expect([name, await overflow(me), await me.findBarriers()]).toEqual([name, 0, []]);
    }
    await page.getByRole("link", { name: /^Model/ }).click();
    await page.getByRole("heading", { name: "Talk to another model" }).waitFor();
    await me.shoot("model");
    expect(await overflow(me)).toBe(0);
    expect(await me.findBarriers()).toEqual([]);
  });
});

/** How far the page can be scrolled sideways, in pixels. */
function overflow(me: Visitor): Promise<number> {
  return me.page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
}
