/** The field for writing a request. Enter sends, Shift+Enter breaks the line. */
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
  /** Name under which unsent text is kept. */
  place: string;
  /** Text that could not be sent comes back into the field. */
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

/** With CSS `field-sizing` the browser sizes the field, so that no key press forces a layout. */
const sizesItself = CSS.supports("field-sizing", "content");

function resize(field: HTMLTextAreaElement): void {
  if (sizesItself) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}
