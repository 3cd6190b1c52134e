/** Markdown as sanitised elements, code with highlighting and a button that copies it. Loaded only when needed. */
import DOMPurify from "dompurify";
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import { marked } from "marked";

const languages = { bash, css, javascript, json, python, sql, typescript, xml };
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

/** HTML in a reply is shown as text. */
marked.use({
  renderer: {
    html: ({ text }) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;"),
  },
});

/** The elements that a reply may hold: no image, form, style or script, whatever the model wrote. */
const allowed = {
  ALLOWED_TAGS: [
    ...["p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "a", "span"],
    ...["h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li"],
    ...["table", "thead", "tbody", "tr", "th", "td"],
  ],
  ALLOWED_ATTR: ["href", "start", "class"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  RETURN_DOM_FRAGMENT: true as const,
};

export async function renderMarkdown(text: string): Promise<DocumentFragment> {
  const html = await marked.parse(text, { gfm: true, breaks: true });
  const fragment = DOMPurify.sanitize(html, allowed);
  for (const link of fragment.querySelectorAll("a")) {
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
  }
  for (const code of fragment.querySelectorAll<HTMLElement>("pre > code")) {
    const language = /language-(\w+)/.exec(code.className)?.[1] ?? "";
    if (hljs.getLanguage(language) !== undefined) hljs.highlightElement(code);
    code.parentElement?.setAttribute("tabindex", "0");
    code.parentElement?.append(copyButton(code.textContent ?? ""));
  }
  // A heading in a reply is not a heading of the page.
  for (const heading of fragment.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const bold = document.createElement("p");
    bold.className = "rich-heading";
    bold.append(...heading.childNodes);
    heading.replaceWith(bold);
  }
  return fragment;
}

function copyButton(text: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy-code";
  button.textContent = "Copy code";
  button.addEventListener("click", () => {
    void navigator.clipboard.writeText(text).then(() => {
      button.textContent = "Copied";
    });
  });
  return button;
}
