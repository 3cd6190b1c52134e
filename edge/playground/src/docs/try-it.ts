/** A form under every call of the reference that sends it for real, with the key that the playground is signed in with. */
import { element } from "./element.ts";

/** As the playground keeps it (state/account.ts). */
const keyName = "rosa2.key";

export function addTryIt(): void {
  for (const section of document.querySelectorAll<HTMLElement>(".operation")) {
    const { method = "", path = "", body = "" } = section.dataset;
    const box = element("details", { class: "try" }, element("summary", {}, "Try it"));
    // The form is made when it is opened: the page has many of them.
    box.addEventListener("toggle", () => box.append(formOf(section.id, method, path, body)), {
      once: true,
    });
    section.append(box);
  }
}

function formOf(id: string, method: string, path: string, body: string): HTMLFormElement {
  const form = element("form");
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => {
    const field = element("input", { name, required: "", autocomplete: "off" });
    form.append(element("label", {}, `${name} `, field));
    return { name, field };
  });
  const query = element("input", { autocomplete: "off", placeholder: "limit=2" });
  if (method === "get") form.append(element("label", {}, "Query ", query));
  const text = element("textarea", { rows: "6", spellcheck: "false" });
  text.value = body;
  if (body !== "") form.append(element("label", {}, "Body ", text));
  const send = element("button", { type: "submit" }, `Send ${method.toUpperCase()}`);
  const told = element("p", { role: "status", class: "dim" });
  const answer = element("pre", { tabindex: "0", "aria-label": "Answer", hidden: "" });
  form.append(send, told, answer);
  const isOpen = path === "/health";
  if (!isOpen && localStorage.getItem(keyName) === null) {
    const signIn = element("a", { href: "/" }, "Sign in on the playground");
    told.replaceChildren(
      signIn,
      " first: calls go out with the key that it keeps in this browser.",
    );
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const isLost = method === "delete" && !confirm(`Really send DELETE ${path}?`);
    if (isLost) return;
    const filled = parameters.reduce(
      (whole, { name, field }) =>
        whole.replace(`{${name}}`, encodeURIComponent(field.value.trim())),
      path,
    );
    const search = query.value.trim().replace(/^\?/, "");
    send.disabled = true;
    answer.hidden = false;
    answer.textContent = "";
    const startedAt = performance.now();
    try {
      const response = await fetch(search === "" ? filled : `${filled}?${search}`, {
        method: method.toUpperCase(),
        headers: {
          authorization: `Bearer ${localStorage.getItem(keyName) ?? ""}`,
          ...(body === "" ? {} : { "content-type": "application/json" }),
        },
        ...(body === "" ? {} : { body: text.value }),
      });
      const tell = (state: string) => {
        const ms = Math.round(performance.now() - startedAt);
        told.textContent = `${response.status} ${response.statusText} · ${state}${ms} ms`;
      };
      tell("");
      await show(response, answer, () => tell("streaming, "));
      tell("");
    } catch (error) {
      told.textContent = `No answer: ${error instanceof Error ? error.message : error}`;
    } finally {
      send.disabled = false;
    }
  });
  form.id = `${id}-try`;
  return form;
}

/** JSON is indented, a stream is shown as it comes, a file by its size. */
async function show(response: Response, place: HTMLElement, onPiece: () => void): Promise<void> {
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("application/json")) {
    place.textContent = JSON.stringify(await response.json(), null, 2);
    return;
  }
  if (!type.startsWith("text/") || response.body === null) {
    place.textContent = `${(await response.arrayBuffer()).byteLength} bytes of ${type || "nothing"}`;
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    place.append(value);
    onPiece();
  }
}
