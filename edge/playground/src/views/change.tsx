/**
 * What one piece of feedback changed: the words before and after, the weights, and why. While it is in progress: how
 * far it is.
 */
import { useEffect, useState } from "preact/hooks";
import type { FeedbackRecord, Generation, Weights, Words } from "rosa2";
import { formatPercent } from "../format.ts";
import { WordsDiff } from "../parts/diff.tsx";
import { Icon } from "../parts/icon.tsx";
import { shiftsOf, weightsSentence, wordsSentence } from "../summary.ts";
import { Chances, Numbers } from "./numbers.tsx";
import { Tokens } from "./tokens.tsx";

export function ChangeView({
  record,
  generation,
}: {
  record: FeedbackRecord;
  generation: Generation | undefined;
}) {
  const { words, weights, status, reward } = record;
  if (reward > 0 && words !== null && weights !== null && weights.decision === "skipped") {
    return (
      <p class="accepted">
        <Icon name="right" /> You said it was right. Kept as an example of what is wanted.
      </p>
    );
  }
  const learning = status === "pending" && (weights === null || weights.decision === "queued");
  return (
    <section class="change" aria-label="What this feedback changed">
      <p class="said">
        <span class="label">you said</span> {saidOf(record)}
      </p>
      <div class="cards">
        <div class="card words">
          <h3>Words</h3>
          {words === null ? <Progress what="Rewording the request" /> : <WordsCard words={words} />}
        </div>
        <div class="card weights">
          <h3>
            Weights
            {weights !== null && !learning && (
              <span class="decision" data-decision={weights.decision}>
                {weights.decision}
              </span>
            )}
          </h3>
          {learning ? (
            words === null ? (
              <p class="note">After the words.</p>
            ) : (
              <Progress what="Updating the adapter" />
            )
          ) : (
            weights !== null && (
              <WeightsCard weights={weights} record={record} generation={generation} />
            )
          )}
        </div>
      </div>
    </section>
  );
}

function saidOf({ reward, text, correction }: FeedbackRecord) {
  if (correction !== null) {
    return (
      <>
        it should be <code>{correction}</code>
      </>
    );
  }
  if (text !== null && text !== "") return `“${text}”`;
  return reward > 0 ? "right" : reward < 0 ? "wrong" : "so-so";
}

/** Elapsed time tells more than a spinner. */
function Progress({ what }: { what: string }) {
  const [startedAt] = useState(() => performance.now());
  const [now, setNow] = useState(startedAt);
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 100);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="progress">
      <p role="status">
        {what} … <span aria-hidden="true">{((now - startedAt) / 1000).toFixed(1)} s</span>
      </p>
      <div class="progress-bar" aria-hidden="true" />
    </div>
  );
}

const diagnoses: Record<string, string> = {
  ambiguous: "The request could be read in more than one way.",
  incapable: "The request was clear; the skill was missing.",
  both: "The request was unclear, and the skill may be missing too.",
  unclear_feedback: "The feedback did not say what to change.",
  accepted: "Accepted as it is.",
};

function WordsCard({ words }: { words: Words }) {
  return (
    <>
      <p class="sentence">{wordsSentence(words)}</p>
      {words.changed ? (
        <WordsDiff before={words.before} after={words.after} />
      ) : (
        <p class="diff unchanged">{words.after}</p>
      )}
      <p class="reason">{diagnoses[words.diagnosis] ?? words.diagnosis}</p>
      {words.constraints.length > 0 && (
        <dl class="learned-list">
          <dt>From now on</dt>
          <dd>{words.constraints.join(" · ")}</dd>
        </dl>
      )}
      {words.ruled_out.length > 0 && (
        <dl class="learned-list">
          <dt>Not meant</dt>
          <dd>{words.ruled_out.join(" · ")}</dd>
        </dl>
      )}
      {words.changed && (
        <p class="figures">
          <span>{formatPercent(words.confidence)} confident of this reading</span>
          {words.rewriter !== null && (
            <span>{words.rewriter.adopted ? "worded by the model" : "worded as you said it"}</span>
          )}
        </p>
      )}
    </>
  );
}

function WeightsCard({
  weights,
  record,
  generation,
}: {
  weights: Weights;
  record: FeedbackRecord;
  generation: Generation | undefined;
}) {
  return (
    <>
      <p class="sentence">{weightsSentence(weights, generation)}</p>
      {weights.decision === "updated" ? (
        <>
          <Chances shifts={shiftsOf(weights, generation)} />
          <Tokens weights={weights} />
        </>
      ) : (
        <p class="reason">{weights.reason}</p>
      )}
      <Numbers weights={weights} record={record} generation={generation} />
    </>
  );
}
