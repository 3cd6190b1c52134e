/** The field that a request is written in. Enter sends, Shift+Enter breaks the line. */
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/icon.tsx";
import { keepDraft, readDraft } from "../state/draft.ts";

export function Composer({
  busy,
  place,
  unsent = "",
  onSend,
  onStop,
}: {
  busy: boolean;
  /** Names the draft that is kept of what is not sent. */
  place: string;
  /** What could not be sent comes back into the field. */
  unsent?: string;
  onSend(content: string): void;
  /** Given while there is something to stop. */
  onStop?: () => void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const kept = readDraft(place);
    if (field.current === null || kept === "") return;
    field.current.value = kept;
    resize(field.current);
  }, [place]);
  useEffect(() => {
    if (unsent !== "" && field.current?.value === "") field.current.value = unsent;
  }, [unsent]);
  const send = () => {
    const content = field.current?.value.trim() ?? "";
    if (busy || content === "" || field.current === null) return;
    field.current.value = "";
    keepDraft(place, "");
    resize(field.current);
    onSend(content);
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="hidden" for="request">
        Your request
      </label>
      <textarea
        id="request"
        ref={field}
        rows={1}
        maxLength={16384}
        placeholder="Write a request"
        enterkeyhint="send"
        onInput={({ currentTarget }) => {
          resize(currentTarget);
          keepDraft(place, currentTarget.value);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      {onStop !== undefined ? (
        <button type="button" class="primary round" onClick={onStop}>
          <Icon name="stop" />
          <span class="hidden">Stop</span>
        </button>
      ) : (
        <button type="submit" class="primary round" disabled={busy}>
          <Icon name="send" />
          <span class="hidden">Send</span>
        </button>
      )}
    </form>
  );
}

/** Where the style sheet's `field-sizing` does it, no key makes the page lay itself out. */
const sizesItself = CSS.supports("field-sizing", "content");

function resize(field: HTMLTextAreaElement): void {
  if (sizesItself) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
