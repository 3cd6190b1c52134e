/** The guides' snippets, run as a reader would: one shell from the first to the last, on the real services. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { stripTypeScriptTypes } from "node:module";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { glossary } from "../../edge/src/docs/glossary.ts";
import { guides, type Snippet } from "../../edge/src/docs/guides.ts";
import type { Rosa } from "./support/rosa.ts";
import { useRosa } from "./support/use-rosa.ts";

let rosa: Rosa;
useRosa((started) => {
  rosa = started;
});

const all = guides.flatMap(({ parts }) =>
  parts.filter((part): part is Snippet => typeof part !== "string"),
);
const snippets = all.filter(({ prints }) => prints !== undefined);
const python = process.env.PYTHON ?? "python3";
const hasOpenai = spawnSync(python, ["-c", "import openai"]).status === 0;
const environment = () => ({ ...process.env, ROSA2_URL: rosa.url, ROSA2_KEY: rosa.key });

describe("the guides", () => {
  it("run in one shell, and each prints what the guide says", () => {
    const shell = snippets.filter(({ language }) => language === "shell");
    expect(shell.length).toBeGreaterThan(10);
    const mark = "---- end of a snippet ----";
    const script = ["set -eu", ...shell.map(({ code }) => `${code}\necho\necho "${mark}"`)].join(
      "\n",
    );
    const printed = execFileSync("sh", ["-c", script], { encoding: "utf8", env: environment() });
    const outputs = printed.split(mark);
    for (const [index, { code, prints }] of shell.entries()) {
      expect(outputs[index], code).toContain(prints);
    }
  }, 120_000);

  it.skipIf(!hasOpenai)("run OpenAI's Python client", () => {
    for (const { code, prints } of snippets.filter(({ language }) => language === "Python")) {
      const printed = execFileSync(python, ["-c", code], {
        encoding: "utf8",
        env: environment(),
      });
      expect(printed).toContain(prints);
    }
  });

  it("verify a webhook's message in TypeScript, and throw for a forged one", () => {
    const { code = "" } = all.find(({ language }) => language === "TypeScript") ?? {};
    const [statement = "", ...lines] = stripTypeScriptTypes(code).split("\n");
    expect(statement).toBe('import { Webhook } from "standardwebhooks";');
    const program = [...lines, "return { type, data };"].join("\n");
    const read = new Function("Webhook", "secret", "body", "headers", program);
    const secret = `whsec_${Buffer.from("a secret of twenty-four b").toString("base64")}`;
    const body = JSON.stringify({ type: "webhook.test", data: { id: "1" } });
    const now = new Date();
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign("msg_1", now, body),
    };
    expect(read(Webhook, secret, body, headers)).toEqual(JSON.parse(body));
    expect(() => read(Webhook, secret, body.replace("1", "2"), headers)).toThrow("signature");
  });

  it("leave only those unrun that need a hub or an account", () => {
    const unrun = all.filter(({ prints, language }) => !prints && language !== "TypeScript");
    expect(unrun.map(({ code }) => code)).toEqual([
      "npm run model -- check Qwen/Qwen2.5-0.5B-Instruct",
      "MODEL=Qwen/Qwen2.5-0.5B-Instruct QUANTIZE=8 npm start",
      "GPU_URL=https://gpu.example.com npm run deploy",
    ]);
  });

  it("are served beside the reference, with every figure that is explained there", async () => {
    const page = await (await fetch(`${rosa.url}/docs/guides`)).text();
    for (const { id } of guides) expect(page).toContain(`<section id="${id}">`);
    for (const { name } of Object.values(glossary)) expect(page).toContain(name);
    expect(await (await fetch(`${rosa.url}/docs`)).text()).toContain('href="/docs/guides"');
  });

  it.each(["/docs", "/docs/guides"])(
    "are served under a policy that allows only their own style and scripts of this origin: %s",
    async (path) => {
      const response = await fetch(`${rosa.url}${path}`);
      expect(response.headers.get("content-type")).toContain("text/html");
      const style = /<style>([\s\S]*?)<\/style>/.exec(await response.text())?.[1] ?? "";
      const hash = createHash("sha256").update(style).digest("base64");
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy.split("; ")).toEqual([
        "default-src 'none'",
        `style-src 'sha256-${hash}'`,
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ]);
      expect(response.headers.get("permissions-policy")).toContain("camera=()");
      expect(response.headers.get("cache-control")).toContain("max-age=300");
    },
  );

  it("come with the OpenAPI document, which tools of any origin may read", async () => {
    const response = await fetch(`${rosa.url}/openapi.json`);
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await response.json()).toMatchObject({ openapi: "3.1.0" });
  });
});
