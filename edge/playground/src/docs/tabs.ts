/** Folded texts of a group become tabs; a language chosen once is chosen everywhere, and at the next visit. */
import { element } from "./element.ts";

const keptName = "rosa2.docs-language";

interface Group {
  names: string[];
  choose(name: string): void;
}

export function makeTabs(): void {
  const groups = [...document.querySelectorAll<HTMLElement>("[data-tabs]")].map(groupOf);
  const chooseAll = (name: string, keep: boolean) => {
    if (keep) localStorage.setItem(keptName, name);
    for (const { names, choose } of groups) if (names.includes(name)) choose(name);
  };
  for (const [index, box] of [...document.querySelectorAll<HTMLElement>("[data-tabs]")].entries()) {
    box.addEventListener("choose", (event) => {
      const chosen = box.getBoundingClientRect().top;
      chooseAll((event as CustomEvent<string>).detail, true);
      // The height of groups above has changed; scrolling keeps the chosen tab under the pointer.
      scrollBy({ top: box.getBoundingClientRect().top - chosen, behavior: "instant" });
    });
    groups[index]!.choose(groups[index]!.names[0]!);
  }
  const kept = localStorage.getItem(keptName);
  if (kept !== null) chooseAll(kept, false);
}

function groupOf(box: HTMLElement): Group {
  const id = box.dataset.tabs ?? "";
  const list = element("div", { role: "tablist", "aria-label": "Language" });
  const tabs = [...box.querySelectorAll("details")].map((details, index) => {
    const summary = details.querySelector("summary")!;
    const name = summary.firstChild?.textContent?.trim() ?? "";
    const note = summary.querySelector(".dim")?.textContent ?? "";
    const panel = element("div", {
      role: "tabpanel",
      id: `${id}-panel-${index}`,
      "aria-labelledby": `${id}-tab-${index}`,
    });
    const tab = element(
      "button",
      {
        type: "button",
        role: "tab",
        id: `${id}-tab-${index}`,
        "aria-controls": panel.id,
        title: note,
      },
      name,
    );
    summary.remove();
    panel.append(...details.childNodes);
    details.replaceWith(panel);
    list.append(tab);
    return { name, tab, panel };
  });
  box.prepend(list);
  const choose = (name: string) => {
    for (const { name: own, tab, panel } of tabs) {
      const isChosen = own === name;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      panel.hidden = !isChosen;
    }
  };
  const tell = (name: string) => box.dispatchEvent(new CustomEvent("choose", { detail: name }));
  for (const { name, tab } of tabs) tab.addEventListener("click", () => tell(name));
  list.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step === undefined) return;
    const at = tabs.findIndex(({ tab }) => tab.tabIndex === 0);
    const next = tabs[(at + step + tabs.length) % tabs.length]!;
    tell(next.name);
    next.tab.focus();
  });
  return { names: tabs.map(({ name }) => name), choose };
}
