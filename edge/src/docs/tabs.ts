/** The same text in several languages: folded one by one without scripts, as tabs with them. */
import { html, raw } from "hono/html";
import type { Html } from "./schema.ts";

/** `id` names the group on its page; texts by language. */
export function languageTabs(
  id: string,
  texts: Record<string, string>,
  noteOf: (language: string) => string = () => "",
): Html {
  return html`<div class="tabs" data-tabs="${id}">${Object.entries(texts).map(
    ([language, text], index) => html`<details${raw(index === 0 ? " open" : "")}>
<summary>${language} <span class="dim">${noteOf(language)}</span></summary>
<pre tabindex="0" aria-label="${language}">${text}</pre>
</details>`,
  )}</div>`;
}
