/** The guides and the glossary as one page of HTML; like the reference, it can be read without scripts. */
import { html } from "hono/html";
import { glossary } from "./glossary.ts";
import { guides, type Snippet } from "./guides.ts";
import { type Html, prose } from "./schema.ts";
import { documentPage } from "./shell.ts";

export function guidesPage(): Html {
  return documentPage({
    title: "rosa2 guides",
    description:
      "Guides to rosa2: sessions, feedback, streaming, tokens for phones, errors, budgets, models, deploying.",
    menu: html`<a href="/docs">API reference</a>
<ul>${guides.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
<li><a href="#figures">Figures</a></li></ul>`,
    content: html`<p class="dim">The snippets belong together: each goes on where the one before ended. A test runs them against the bundled model.</p>
${guides.map(
  ({ id, title, parts }) => html`<section id="${id}">
<h2>${title}</h2>
${parts.map((part) => (typeof part === "string" ? html`<p>${prose(part)}</p>` : snippetOf(part)))}
</section>`,
)}
<section id="figures">
<h2>Figures</h2>
<p>Each figure that the page and the API show, once: what it is, its unit, and what is good and what is bad.</p>
<dl>${Object.entries(glossary).map(
      ([id, { name, unit, means, good }]) =>
        html`<dt id="figure-${id}"><code>${name}</code></dt><dd>${means}. <span class="dim">${unit === "" ? "" : `Unit: ${unit}. `}${good}.</span></dd>`,
    )}</dl>
</section>`,
  });
}

function snippetOf({ language, code }: Snippet): Html {
  return html`<pre tabindex="0" aria-label="${language}">${code}</pre>`;
}
