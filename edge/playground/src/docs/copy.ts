/** A button on every snippet that copies it. */
import { element } from "./element.ts";

const toldMs = 2_000;

export function addCopyButtons(): void {
  for (const pre of document.querySelectorAll("pre")) {
    const text = pre.textContent ?? "";
    const label = pre.getAttribute("aria-label");
    const button = element("button", { type: "button", class: "copy" }, "Copy");
    if (label !== null) button.append(element("span", { class: "hidden" }, ` ${label}`));
    const told = button.firstChild as Text;
    button.addEventListener("click", async () => {
      const copied = await navigator.clipboard.writeText(text).then(
        () => true,
        () => false,
      );
      told.data = copied ? "Copied" : "Not allowed";
      setTimeout(() => {
        told.data = "Copy";
      }, toldMs);
    });
    const frame = element("div", { class: "snippet" });
    pre.replaceWith(frame);
    frame.append(pre, button);
  }
}
