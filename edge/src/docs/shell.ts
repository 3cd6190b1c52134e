/** The frame of a document page: head, style, script, and a menu with a search beside the content. */
import { html, raw } from "hono/html";
import type { Html } from "./schema.ts";
import { style } from "./style.ts";

export function documentPage(page: {
  title: string;
  description: string;
  menu: Html;
  content: Html;
}): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="${page.description}">
<title>${page.title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<style>${raw(style)}</style>
<script type="module" src="/docs.js"></script>
</head>
<body>
<div class="page">
<nav aria-label="Contents">
<div data-search></div>
<a href="/">Playground</a>
${page.menu}
</nav>
<main>
<h1>${page.title}</h1>
${page.content}
</main>
</div>
</body>
</html>`;
}
