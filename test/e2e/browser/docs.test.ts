/** The documents as people use them: found by searching, copied, read in their language, tried out; on every screen. */
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

async function read(path: string, size: Size = "desktop", dark = false): Promise<Visitor> {
  visitor = await Visitor.arrive(browser, edge.url, { name: "docs", size, dark });
  await visitor.page.goto(path);
  await visitor.page.getByLabel("Search the documents").waitFor();
  return visitor;
}

describe.skipIf(chromiumPath === undefined)("the documents", () => {
  it.each([
    ["desktop", false],
    ["desktop", true],
    ["phone", false],
    ["narrow", true],
    ["landscape", false],
  ] as const)("have no barriers and fit: %s, dark %s", async (size, dark) => {
    for (const path of ["/docs", "/docs/guides"]) {
      const me = await read(path, size, dark);
      await me.shoot(path.slice(1).replace("/", "-"));
      expect(await me.findBarriers()).toEqual([]);
      const overflow = await me.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect([path, overflow]).toEqual([path, 0]);
      expect(me.complaints).toEqual([]);
      await me.leave();
    }
  });

  it("are printed without buttons and fields, on white, with long snippets whole", async () => {
    const { page } = await read("/docs", "desktop", true);
    await page.emulateMedia({ media: "print" });
    await visitor.shoot("print");
    for (const name of ["nav", ".copy", ".try", "[role=tablist]"]) {
      const shown = page
        .locator(name)
        .evaluateAll((all) => all.some((one) => one.checkVisibility()));
      expect([name, await shown]).toEqual([name, false]);
    }
    const cut = await page
      .locator("#start pre")
      .evaluateAll((all) => all.some((pre) => pre.scrollHeight > pre.clientHeight + 1));
    expect(cut).toBe(false);
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(paper).toBe("rgb(255, 255, 255)");
  });

  it("have one search for calls, guides and figures, on either page", async () => {
    const { page } = await read("/docs");
    await page.keyboard.press("/");
    await page.keyboard.type("spend cap concurrency");
    const found = page.getByRole("list", { name: "Found" });
    await found.getByRole("link", { name: "Budget and cost" }).waitFor();
    await visitor.shoot("found");
    const field = page.getByLabel("Search the documents");
    await field.fill("feedback words first");
    await found
      .getByRole("link", { name: /feedback$/ })
      .first()
      .waitFor();
    await field.fill("norm adapter");
    await found.getByRole("link", { name: "shift_norm" }).first().click();
    await page.waitForURL("**/docs/guides#figure-shift_norm");
    await page.getByLabel("Search the documents").fill("xyzzy");
    await page.getByText("Nothing has these words.").waitFor();
  });

  it("copy what they show, in the language that was chosen once", async () => {
    const me = await read("/docs");
    const { page } = me;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    const call = page.locator("#post-v-sessions");
    await call.getByRole("tab", { name: "Python" }).click();
    await page.reload();
    await call
      .getByRole("tab", { name: "Python" })
      .and(page.locator("[aria-selected=true]"))
      .waitFor();
    await call.getByRole("button", { name: "Copy Python" }).click();
    await expect
      .poll(() => page.evaluate(() => navigator.clipboard.readText()))
      .toContain('os.environ["ROSA2_URL"] + "/v1/sessions"');
    const start = page.locator("#start");
    expect(await start.getByRole("tab").allTextContents()).toEqual([
      ...["curl", "TypeScript", "Python", "Your back end", "React Native", "Swift", "Kotlin"],
    ]);
    await start.getByRole("tab", { name: "Python" }).focus();
    await page.keyboard.press("ArrowRight");
    await start.getByRole("tabpanel", { name: "Your back end" }).waitFor();
    await me.shoot("tabs");
  });

  it("try a call out with the playground's key, and ask for a key where there is none", async () => {
    const me = await read("/docs");
    const { page } = me;
    const models = page.locator("#get-v-models");
    await models.getByText("Try it").click();
    await models.getByRole("link", { name: "Sign in on the playground" }).waitFor();
    await page.evaluate((key) => localStorage.setItem("rosa2.key", key), edge.key);
    await page.reload();
    const call = page.locator("#post-v-sessions");
    await call.getByText("Try it").click();
    await call.getByLabel("Body").fill('{"title":"Tried out"}');
    await call.getByRole("button", { name: "Send POST" }).click();
    await call.getByText('"title": "Tried out"').waitFor();
    await call.getByText(/^201 Created/).waitFor();
    await me.shoot("tried");
    expect(await me.findBarriers()).toEqual([]);
    const answer = (await call.getByLabel("Answer").textContent()) ?? "";
    const { id } = JSON.parse(answer) as { id: string };
    const turn = page.locator("#post-v-sessions-s-turns");
    await turn.getByText("Try it").click();
    await turn.getByLabel("s", { exact: true }).fill(id);
    await turn.getByLabel("Body").fill('{"content":"Say hello","stream":true}');
    await turn.getByRole("button", { name: "Send POST" }).click();
    await turn.getByLabel("Answer").getByText("event: done").waitFor();
  });
});
