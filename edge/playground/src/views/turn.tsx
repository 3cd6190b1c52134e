/** One request and its reply, with what the model read and which generation answered. */
import type { Turn } from "rosa2";
import { formatCount, formatPercent, formatUsd } from "../format.ts";
import { Icon } from "../parts/icon.tsx";

export function TurnView({
  turn,
  generationName,
  failure,
  onRetry,
}: {
  turn: Turn;
  generationName: string;
  failure: string | null;
  onRetry(): void;
}) {
  const live = turn.status === "running";
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
      {(turn.status !== "failed" || turn.reply !== "") && (
        <p class="reply" data-live={live}>
          {turn.reply}
        </p>
      )}
      {turn.status === "failed" ? (
        <div class="failed">
          <p class="error">
            <Icon name="warning" /> {failure ?? "The reply failed."}
          </p>
          <button type="button" onClick={onRetry}>
            Run it again
          </button>
        </div>
      ) : (
        !live && <Facts turn={turn} generationName={generationName} failure={failure} />
      )}
    </article>
  );
}

function Facts({
  turn,
  generationName,
  failure,
}: {
  turn: Turn;
  generationName: string;
  failure: string | null;
}) {
  return (
    <>
      <p class="facts">
        <span class="generation" data-base={generationName === "base"}>
          {generationName}
        </span>
        {turn.confidence !== null && <span>{formatPercent(turn.confidence)} sure</span>}
        {turn.usage !== null && <span>{formatCount(turn.usage.total_tokens)} tokens</span>}
        <span>{formatUsd(turn.cost.usd)}</span>
        {turn.status === "stopped" && <span>stopped</span>}
        {turn.finish_reason === "length" && <span>cut at the length limit</span>}
      </p>
      {failure !== null && (
        <p class="error">
          <Icon name="warning" /> {failure}
        </p>
      )}
    </>
  );
}
