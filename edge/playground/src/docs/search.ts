/** Search over the reference and the guides: in both pages, whichever one is open. */
import { element } from "./element.ts";

interface Entry {
  title: string;
  /** The text that is searched, in lower case. */
  text: string;
  href: string;
}

const shownMax = 12;

export function addSearch(): void {
  const place = document.querySelector("[data-search]");
  if (place === null) return;
  const field = element("input", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search the documents",
    autocomplete: "off",
  });
  const results = element("ul", { class: "found", "aria-label": "Found", hidden: "" });
  const told = element("p", { class: "dim", role: "status" });
  place.append(field, told, results);
  let entries = entriesOf(document, "");
  let readsBoth = false;
  const show = () => {
    const wanted = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found = wanted.length === 0 ? [] : rank(entries, wanted);
    results.replaceChildren(
      ...found
        .slice(0, shownMax)
        .map(({ title, href }) => element("li", {}, element("a", { href }, title))),
    );
    results.hidden = found.length === 0;
    told.textContent = wanted.length > 0 && found.length === 0 ? "Nothing has these words." : "";
  };
  field.addEventListener("input", show);
  field.addEventListener("focus", async () => {
    if (readsBoth) return;
    readsBoth = true;
    const path = location.pathname === "/docs" ? "/docs/guides" : "/docs";
    try {
      const html = await (await fetch(path)).text();
      const page = new DOMParser().parseFromString(html, "text/html");
      entries = [...entries, ...entriesOf(page, path)];
      show();
    } catch {
      readsBoth = false;
    }
  });
  addEventListener("keydown", (event) => {
    const writes = event.target instanceof Element && event.target.matches("input, textarea");
    if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
  });
}

/** Entries with all words; those with the words in their titles come first. */
function rank(entries: readonly Entry[], wanted: readonly string[]): Entry[] {
  const inTitle = ({ title }: Entry) =>
    wanted.filter((word) => title.toLowerCase().includes(word)).length;
  return entries
    .filter(({ text }) => wanted.every((word) => text.includes(word)))
    .sort((a, b) => inTitle(b) - inTitle(a));
}

/** Calls, guides, schemas and figures of a page, each with its address. */
function entriesOf(page: Document, path: string): Entry[] {
  const sections = [...page.querySelectorAll<HTMLElement>("main section[id]")].map((section) => {
    const heading = section.querySelector("h2, h3")?.textContent?.trim() ?? "";
    const summary = section.matches(".operation")
      ? (section.querySelector("p")?.textContent ?? "")
      : "";
    return entry(summary === "" ? heading : `${summary} · ${heading}`, section, path);
  });
  const figures = [...page.querySelectorAll<HTMLElement>("dt[id]")].map((term) =>
    entry(term.textContent ?? "", term, path, term.nextElementSibling?.textContent ?? ""),
  );
  return [...sections, ...figures];
}

function entry(title: string, of: HTMLElement, path: string, more = ""): Entry {
  const text = `${title} ${of.textContent ?? ""} ${more}`.toLowerCase();
  return { title, text, href: `${path}#${of.id}` };
}
