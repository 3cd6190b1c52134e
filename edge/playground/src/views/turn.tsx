/** One request and its reply, with the wording that the model read and the generation that answered. */
import type { ReadonlySignal } from "@preact/signals";
import type { Turn } from "rosa2";
import { formatCount, formatPercent, formatUsd } from "../format.ts";
import { isOutsideSkill } from "../mini.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { Remedy } from "../parts/remedy.tsx";
import { Reply } from "../parts/reply.tsx";
import { modelName } from "../state/health.ts";
import { hrefOf } from "../state/route.ts";

interface TurnActions {
  /** Puts the request back into the field, to be changed and sent again. */
  onEdit(): void;
  /** Asks the same again with sampling; nothing is judged or learnt. */
  onAgain(): void;
  /** Opens a new session that continues from this reply. */
  onBranch(): void;
  /** True while nothing can be asked. */
  cannotAct: ReadonlySignal<boolean>;
}

export function TurnView({
  turn,
  live: written,
  generationName,
  failure,
  tries,
  onRetry,
  ...actions
}: {
  turn: Turn;
  /** The part of the reply that has arrived. */
  live: ReadonlySignal<string>;
  generationName: string;
  failure: string | null;
  /** Every try at this request, in order, this one among them. */
  tries: readonly Turn[];
  onRetry(): void;
} & TurnActions) {
  const live = turn.status === "running";
  const outside = isOutsideSkill(modelName.value, turn.reply, turn.confidence);
  return (
    <article class="turn" id={turn.id} tabIndex={-1} data-status={turn.status} aria-busy={live}>
      {turn.retry_of === null && (
        <>
          <p class="hidden">You:</p>
          <p class="request">{turn.content}</p>
        </>
      )}
      {tries.length > 1 && <Tries turn={turn} tries={tries} />}
      {turn.prompt !== turn.content && (
        <p class="as-read">
          <span class="label of-words">model reads</span> {turn.prompt}
        </p>
      )}
      {(turn.status !== "failed" || turn.reply !== "") && (
        <>
          <p class="hidden">{modelName.value ?? "The model"}:</p>
          {live ? (
            // The signal updates the text node directly, so a token renders nothing else.
            <p class="reply" data-live="true">
              {written}
            </p>
          ) : (
            <Reply text={turn.reply} />
          )}
        </>
      )}
      {turn.status === "failed" ? (
        <div class="failed">
          <p class="error">
            <Icon name="warning" /> {failure ?? "The reply failed."} <Remedy text={failure ?? ""} />
          </p>
          {turn.error?.code !== "context_length_exceeded" && (
            <button type="button" onClick={onRetry}>
              Run it again
            </button>
          )}
        </div>
      ) : (
        !live && (
          <>
            {outside && <OutsideHint />}
            <Facts turn={turn} generationName={generationName} failure={failure} {...actions} />
          </>
        )
      )}
    </article>
  );
}

/** A way out: what the model can do, and how to use another one. */
function OutsideHint() {
  return (
    <p class="outside">
      This is beyond what rosa2-mini was taught: it works on short lists and notes.{" "}
      <a href={hrefOf({ page: "model" })}>See what works, or attach another model</a>
    </p>
  );
}

/** Number of the try, and links to its neighbours: the difference between them is what the feedback changed. */
function Tries({ turn, tries }: { turn: Turn; tries: readonly Turn[] }) {
  const at = tries.indexOf(turn);
  const goTo = (to: Turn | undefined, name: string, icon: "back" | "next") => (
    <button
      type="button"
      class="icon-button"
      disabled={to === undefined}
      title={name}
      onClick={() => {
        const there = document.getElementById(to?.id ?? "");
        there?.scrollIntoView({ block: "start" });
        there?.focus({ preventScroll: true });
      }}
    >
      <Icon name={icon} />
      <span class="hidden">{name}</span>
    </button>
  );
  return (
    <p class="again">
      {goTo(tries[at - 1], "Previous try", "back")}
      Try {at + 1} of {tries.length}
      {goTo(tries[at + 1], "Next try", "next")}
    </p>
  );
}

function Facts({
  turn,
  generationName,
  failure,
  onEdit,
  onAgain,
  onBranch,
  cannotAct,
}: {
  turn: Turn;
  generationName: string;
  failure: string | null;
} & TurnActions) {
  return (
    <>
      <div class="facts">
        <span class="generation" data-base={generationName === "base"}>
          {generationName}
        </span>
        {turn.confidence !== null && <span>{formatPercent(turn.confidence)} sure</span>}
        {turn.usage !== null && <span>{formatCount(turn.usage.total_tokens)} tokens</span>}
        <span>{formatUsd(turn.cost.usd)}</span>
        {turn.status === "stopped" && <span>stopped</span>}
        {turn.finish_reason === "length" && <span>cut at the length limit</span>}
        <span class="turn-actions">
          <CopyButton text={turn.reply} what="the reply" />
          <ActionButton
            icon="again"
            name="Ask the same again"
            title="Ask again: another reply to the same request; nothing is learnt"
            disabled={cannotAct}
            onClick={onAgain}
          />
          <ActionButton
            icon="fork"
            name="Branch from this reply"
            title="Branch: go on from this reply in a session of its own"
            disabled={cannotAct}
            onClick={onBranch}
          />
          {turn.retry_of === null && (
            <ActionButton
              icon="edit"
              name="Edit the request and send it again"
              title="Edit the request and send it again"
              onClick={onEdit}
            />
          )}
        </span>
      </div>
      {failure !== null && (
        <p class="error">
          <Icon name="warning" /> {failure} <Remedy text={failure} />
        </p>
      )}
    </>
  );
}

/** `name` is what is read aloud, `title` what is shown beside the pointer. */
function ActionButton({
  icon,
  name,
  ...button
}: {
  icon: IconName;
  name: string;
  title: string;
  disabled?: ReadonlySignal<boolean>;
  onClick(): void;
}) {
  return (
    <button type="button" class="icon-button" {...button}>
      <Icon name={icon} />
      <span class="hidden">{name}</span>
    </button>
  );
}
