/** Judging a reply: right, wrong, why, or what it should have been. */
import type { ReadonlySignal } from "@preact/signals";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Reach, Turn } from "rosa2";
import { exampleOf } from "../examples.ts";
import { Icon } from "../parts/icon.tsx";
import type { Judgement } from "../state/conversation.ts";
import { useReach } from "../state/reach.ts";
import { reachSentence } from "../summary.ts";

type Form = "say" | "edit" | null;

export function JudgeView({
  turn,
  folded,
  disabled,
  onReach,
  onJudge,
}: {
  turn: Turn;
  /** True while a reply is written. The form stays in place, so that nothing moves under the reader. */
  disabled: ReadonlySignal<boolean>;
  /** True for an earlier reply: its form is folded, so that it does not distract from the latest. */
  folded: boolean;
  /** Whether a correction can be learned; null where that is unknown. */
  onReach(correction: string): Promise<Reach | null>;
  onJudge(judgement: Judgement): void;
}) {
  const [isOpen, setOpen] = useState(!folded);
  const [form, setForm] = useState<Form>(null);
  const row = useRef<HTMLFieldSetElement>(null);
  const toggle = (wanted: Form) => setForm(form === wanted ? null : wanted);
  /** Leaving a form moves the focus back to the button that opened it. */
  const leave = () => {
    row.current?.querySelector<HTMLButtonElement>('[aria-expanded="true"]')?.focus();
    setForm(null);
  };
  if (!isOpen) {
    return (
      <button
        type="button"
        class="quiet judge-earlier"
        disabled={disabled}
        onClick={() => setOpen(true)}
      >
        Judge this reply<span class="hidden"> to: {turn.content}</span>
      </button>
    );
  }
  return (
    <div class="judge">
      <Wish turn={turn} />
      <fieldset class="judge-row" ref={row} disabled={disabled}>
        <legend class="hidden">How good was this reply?</legend>
        <button type="button" onClick={() => onJudge({ reward: 1, retry: false })}>
          <Icon name="right" /> Right
        </button>
        <button type="button" onClick={() => onJudge({ reward: -1, retry: true })}>
          <Icon name="wrong" /> Wrong, try again
        </button>
        <button type="button" aria-expanded={form === "say"} onClick={() => toggle("say")}>
          <Icon name="say" /> Say what is wrong
        </button>
        <button type="button" aria-expanded={form === "edit"} onClick={() => toggle("edit")}>
          <Icon name="edit" /> Correct it
        </button>
      </fieldset>
      {form === "say" && (
        <JudgeForm
          label="What is wrong with it?"
          action="Try again"
          disabled={disabled}
          initial=""
          suggestion={exampleOf(turn.content)?.example.hint ?? null}
          onSend={(text) => onJudge({ reward: -1, text, retry: true })}
          onLeave={leave}
        />
      )}
      {form === "edit" && (
        <JudgeForm
          label="What should the reply have been?"
          action="Teach and try again"
          disabled={disabled}
          initial={turn.reply}
          unchanged="This is the reply as it is: change it to what it should have been, or press Right."
          suggestion={exampleOf(turn.content)?.answer ?? null}
          onReach={onReach}
          onSend={(correction) => onJudge({ reward: -1, correction, retry: true })}
          onLeave={leave}
        />
      )}
    </div>
  );
}

/** What the visitor of an example should want, and whether the reply has it. */
function Wish({ turn }: { turn: Turn }) {
  const found = exampleOf(turn.content);
  if (found === null) return null;
  const right = turn.reply.trim() === found.answer;
  return (
    <p class="wish" data-right={right}>
      <span class="wish-mark">
        <Icon name={right ? "right" : "wrong"} />
      </span>
      <span>
        {right ? "As meant" : "Not as meant"}: <i>{found.example.meaning}</i>, so{" "}
        <code>{found.answer}</code>
      </span>
    </p>
  );
}

function JudgeForm({
  label,
  action,
  disabled,
  initial,
  unchanged,
  suggestion,
  onReach,
  onSend,
  onLeave,
}: {
  label: string;
  action: string;
  disabled: ReadonlySignal<boolean>;
  initial: string;
  /** Shown instead of sending a text that equals `initial`. */
  unchanged?: string;
  suggestion: string | null;
  /** Called while the visitor writes. */
  onReach?: (text: string) => Promise<Reach | null>;
  onSend(text: string): void;
  onLeave(): void;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  // A layout effect, so that it runs before the next key: what is typed at once must not reach the button.
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const [refusal, refuse] = useState("");
  const { reach, look } = useReach(initial, onReach);
  const send = () => {
    if (disabled.value) return;
    const text = field.current?.value.trim() ?? "";
    if (unchanged !== undefined && text === initial.trim()) refuse(unchanged);
    else if (text !== "") onSend(text);
  };
  return (
    <form
      class="judge-form"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") onLeave();
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          if (!(event.target instanceof HTMLTextAreaElement)) return;
          event.preventDefault();
          send();
        }
      }}
    >
      <label for="judgement">{label}</label>
      <textarea
        id="judgement"
        ref={field}
        rows={2}
        maxLength={4096}
        defaultValue={initial}
        aria-describedby="judgement-note"
        onInput={({ currentTarget }) => {
          refuse("");
          look(currentTarget.value);
        }}
      />
      <p
        id="judgement-note"
        role="status"
        class={refusal === "" ? "note" : "error"}
        data-verdict={reach?.verdict}
      >
        {refusal || (reach !== null && reachSentence(reach))}
      </p>
      <div class="judge-row">
        <button type="submit" class="primary">
          {action}
        </button>
        {suggestion !== null && (
          <button
            type="button"
            class="suggestion"
            onClick={() => {
              if (field.current === null) return;
              field.current.value = suggestion;
              field.current.focus();
              look(suggestion);
            }}
          >
            Fill in “{suggestion}”
          </button>
        )}
        <button type="button" class="quiet" onClick={onLeave}>
          Cancel
        </button>
      </div>
    </form>
  );
}
