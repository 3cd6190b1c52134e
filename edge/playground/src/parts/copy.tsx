/** A button that copies a text and says that it did. */
import { useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

const saidMs = 1_500;

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [said, say] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say("This browser does not let a page copy");
    }
    setTimeout(() => say(""), saidMs);
  };
  return (
    <>
      <button type="button" class="icon-button" title={`Copy ${what}`} onClick={() => void copy()}>
        <Icon name={said === "Copied" ? "right" : "copy"} />
        <span class="hidden">Copy {what}</span>
      </button>
      <span class="hidden" role="status">
        {said}
      </span>
    </>
  );
}
