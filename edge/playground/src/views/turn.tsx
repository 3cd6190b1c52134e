/** One request and its reply, with what the model read and which generation answered. */
import type { Turn } from "rosa2";
import { formatCount, formatPercent, formatUsd } from "../format.ts";
import { isOutsideSkill } from "../mini.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Icon } from "../parts/icon.tsx";
import { Remedy } from "../parts/remedy.tsx";
import { Reply } from "../parts/reply.tsx";
import { modelName } from "../state/health.ts";
import { hrefOf } from "../state/route.ts";

export function TurnView({
  turn,
  generationName,
  failure,
  onRetry,
  onEdit,
}: {
  turn: Turn;
  generationName: string;
  failure: string | null;
  onRetry(): void;
  /** Takes the request back into the field, to be changed and sent again. */
  onEdit(): void;
}) {
  const live = turn.status === "running";
  const outside = isOutsideSkill(modelName.value, turn.reply, turn.confidence);
  return (
    <article class="turn" data-status={turn.status} aria-busy={live}>
      {turn.retry_of === null ? (
        <p class="request">{turn.content}</p>
      ) : (
        <p class="again">Try {turn.attempt}</p>
      )}
      {turn.prompt !== turn.content && (
        <p class="as-read">
          <span class="label of-words">model reads</span> {turn.prompt}
        </p>
      )}
      {(turn.status !== "failed" || turn.reply !== "") && <Reply text={turn.reply} live={live} />}
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
            <Facts turn={turn} generationName={generationName} failure={failure} onEdit={onEdit} />
          </>
        )
      )}
    </article>
  );
}

/** No dead end: what the model can do, and how to talk to another one. */
function OutsideHint() {
  return (
    <p class="outside">
      This is beyond what rosa2-mini was taught: it works on short lists.{" "}
      <a href={hrefOf({ page: "model" })}>See what works, or attach another model</a>
    </p>
  );
}

function Facts({
  turn,
  generationName,
  failure,
  onEdit,
}: {
  turn: Turn;
  generationName: string;
  failure: string | null;
  onEdit(): void;
}) {
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
          {turn.retry_of === null && (
            <button
              type="button"
              class="icon-button"
              title="Edit the request and send it again"
              onClick={onEdit}
            >
              <Icon name="edit" />
              <span class="hidden">Edit the request and send it again</span>
            </button>
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
