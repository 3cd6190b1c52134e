import type { Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { makeStateFolder } from "../../support/rosa.ts";
import { chromiumPath, launch } from "./browser.ts";
import { type PacedEdge, startPacedEdge } from "./edge.ts";

/** An edge and a browser for all tests of a file. `started` is called with them; they are ended after the tests. */
export function useEdge(started: (edge: PacedEdge, browser: Browser) => void): void {
  const state = makeStateFolder();
  let edge: PacedEdge | undefined;
  let browser: Browser | undefined;
  beforeAll(async () => {
    if (chromiumPath === undefined) return;
    [edge, browser] = await Promise.all([startPacedEdge(state.path), launch()]);
    started(edge, browser);
  });
  afterAll(async () => {
    await browser?.close();
    await edge?.stop();
    state.remove();
  });
}
