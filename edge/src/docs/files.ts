/**
 * The documents as files: the OpenAPI document, its page and the guides, served beside the playground. They are written
 * when the page is built, so the Worker neither contains nor makes them.
 */
import { createApp } from "../app.ts";
import { describeApi } from "./document.ts";
import { guidesPage } from "./guides-page.ts";
import { type ExampleTexts, exampleFiles, referencePage } from "./page.ts";
import { style } from "./style.ts";

export interface DocumentFiles {
  /** Texts by their paths; a page is served without its `.html`. */
  files: Record<string, string>;
  /** Their rules, in the form of Cloudflare's `_headers`. */
  headers: string;
}

/** `readExample` reads a file of `edge/client/examples`. */
export async function documentFiles(readExample: (file: string) => string): Promise<DocumentFiles> {
  const document = describeApi(createApp());
  const examples = Object.fromEntries(
    Object.entries(exampleFiles).map(([language, file]) => [language, readExample(file)]),
  ) as ExampleTexts;
  const policy = `Content-Security-Policy: ${await pagePolicy()}`;
  const rules = {
    // The playground's page has a policy of its own, which these replace.
    "/docs": ["! Content-Security-Policy", policy, "Cache-Control: public, max-age=300"],
    "/docs/*": ["! Content-Security-Policy", policy, "Cache-Control: public, max-age=300"],
    "/openapi.json": ["Access-Control-Allow-Origin: *"],
  };
  return {
    files: {
      "openapi.json": JSON.stringify(document),
      "docs.html": String(await referencePage(document, examples)),
      "docs/guides.html": String(await guidesPage()),
    },
    headers: Object.entries(rules)
      .map(([path, lines]) => [path, ...lines.map((line) => `  ${line}`)].join("\n"))
      .join("\n\n"),
  };
}

/** For a page of the documents: its own style (by the hash of its text), this origin's scripts, nothing from elsewhere. */
async function pagePolicy(): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  const styleSha256 = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return `default-src 'none'; style-src 'sha256-${styleSha256}'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}
