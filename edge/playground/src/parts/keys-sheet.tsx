/** The page's keyboard shortcuts, and the sheet that lists them. They do nothing while the visitor writes in a field. */
import { useEffect, useRef } from "preact/hooks";
import { go, route } from "../state/route.ts";

const shortcuts: readonly { key: string; does: string }[] = [
  { key: "/", does: "write a request" },
  { key: "n", does: "new session" },
  { key: "c", does: "copy the latest reply" },
  { key: "?", does: "show this sheet" },
  { key: "Enter", does: "send; with Shift, a new line" },
  { key: "Esc", does: "leave a form or this sheet" },
];

export function KeysSheet() {
  const sheet = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const { target, key, ctrlKey, metaKey, altKey } = event;
      if (ctrlKey || metaKey || altKey || event.defaultPrevented) return;
      if (target instanceof HTMLElement && target.matches("input, textarea, select, dialog *"))
        return;
      if (key === "?") sheet.current?.showModal();
      else if (key === "/") document.getElementById("request")?.focus();
      else if (key === "n") go({ page: "start" });
      else if (key === "c" && route.peek().page === "session") {
        const replies = document.querySelectorAll<HTMLElement>(".turn .reply");
        void navigator.clipboard?.writeText([...replies].at(-1)?.textContent ?? "");
      } else return;
      event.preventDefault();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
  return (
    <dialog class="keys-sheet" ref={sheet} aria-labelledby="keys-sheet">
      <h2 id="keys-sheet">Keyboard</h2>
      <dl>
        {shortcuts.map(({ key, does }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
