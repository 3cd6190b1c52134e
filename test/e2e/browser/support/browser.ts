/** A Chromium that is installed on this machine, and pages that note what a visitor should never cause. */
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const candidates = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** Path of a Chromium. Without one it is undefined, and the browser tests say so and skip. */
export const chromiumPath = candidates.find((path) => path !== undefined && existsSync(path));
if (chromiumPath === undefined) {
  console.warn(
    "Browser tests are skipped: no Chromium found. Install it with `apt-get install -y chromium`, or set CHROMIUM to its path.",
  );
}

export const sizes = {
  desktop: { viewport: { width: 1280, height: 860 } },
  phone: {
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
  },
  /** A window of 640 pixels has this width at 200 % zoom too. */
  narrow: { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true },
  landscape: { viewport: { width: 740, height: 360 }, isMobile: true, hasTouch: true },
} as const;
export type Size = keyof typeof sizes;

const screenshots = fileURLToPath(new URL("../../../../test-results/browser/", import.meta.url));

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath ?? "",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export class Visitor {
  readonly page: Page;
  /** Errors of the console and of scripts, and requests that left the page's own origin. */
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;
  readonly #name: string;
  #shots = 0;

  private constructor(context: BrowserContext, page: Page, name: string) {
    this.#context = context;
    this.page = page;
    this.#name = name;
  }

  /** A visitor without history. `name` begins the names of the screenshots. */
  static async arrive(
    browser: Browser,
    url: string,
    options: { size?: Size; dark?: boolean; name: string },
  ): Promise<Visitor> {
    const { size = "desktop", dark = false, name } = options;
    const context = await browser.newContext({
      ...sizes[size],
      baseURL: url,
      colorScheme: dark ? "dark" : "light",
      locale: "en-GB",
      acceptDownloads: true,
    });
    const page = await context.newPage();
    const visitor = new Visitor(context, page, `${name}-${size}${dark ? "-dark" : ""}`);
    page.setDefaultTimeout(120_000);
    page.on("pageerror", (error) => visitor.complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        visitor.complaints.push(`${message.text()} (${message.location().url})`);
      }
    });
    page.on("request", (request) => {
      if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(url)) {
        visitor.complaints.push(`left the origin: ${request.url()}`);
      }
    });
    return visitor;
  }

  /** Opens the link that the local start prints. */
  async signIn(key: string): Promise<void> {
    await this.page.goto(`/#key=${key}`);
    await this.page.getByRole("heading", { name: "Start with an example" }).waitFor();
  }

  async ask(request: string): Promise<void> {
    await this.page.getByLabel("Your request").fill(request);
    await this.page.getByLabel("Your request").press("Enter");
  }

  /** The text of the reply number `n` (from 1), once it is whole. */
  async reply(n: number): Promise<string> {
    const turn = this.page.locator(".turn").nth(n - 1);
    await turn.and(this.page.locator('[data-status="completed"]')).waitFor();
    return (await turn.locator(".reply").textContent()) ?? "";
  }

  /** On a phone the session's panel is a page of its own. */
  async show(pane: "Conversation" | "What it learnt"): Promise<void> {
    const choice = this.page.getByRole("radio", { name: pane });
    if (await choice.isVisible()) await choice.check();
  }

  async shoot(what: string): Promise<void> {
    mkdirSync(screenshots, { recursive: true });
    const number = String(++this.#shots).padStart(2, "0");
    await this.page.screenshot({ path: `${screenshots}${this.#name}-${number}-${what}.png` });
  }

  /** Serious and critical findings of axe on the page as it is. */
  async findBarriers(): Promise<string[]> {
    // Evaluated through the debugger, because the page's policy lets no script in.
    await this.page.evaluate(axe.source);
    const found = await this.page.evaluate(async () => {
      const { axe: injected } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: Violation[] }> };
      };
      return (await injected.run()).violations.map(({ id, impact, nodes }) => ({
        id,
        impact,
        html: nodes.map(({ html }) => html.slice(0, 120)),
      }));
    });
    return found
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, html }) => `${id}: ${html.join(" | ")}`);
  }

  async leave(): Promise<void> {
    await this.#context.close();
  }
}

interface Violation {
  id: string;
  impact: string | null;
  nodes: { html: string }[];
}
