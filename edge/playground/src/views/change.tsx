/** What one piece of feedback changed: the words before and after, the weights, and why; or how far it is. */

import { useEffect, useState } from "preact/hooks";
import type { FeedbackRecord, Generation, Weights, Words } from "rosa2";
import { formatMs, formatNumber, formatPercent, formatUsd } from "../format.ts";
import { WordsDiff } from "../parts/diff.tsx";

export function ChangeView({
  record,
  generation,
}: {
  record: FeedbackRecord;
  generation: Generation | undefined;
}) {
  const { words, weights, status } = record;
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
      {words.changed ? (
        <WordsDiff before={words.before} after={words.after} />
      ) : (
        <p class="diff unchanged">{words.after}</p>
      )}
      <p class="reason">{diagnoses[words.diagnosis] ?? words.diagnosis}</p>
      {words.constraints.length > 0 && (
        <dl class="learned-list">
          <dt>Constraints</dt>
          <dd>{words.constraints.join(" · ")}</dd>
        </dl>
      )}
      {words.ruled_out.length > 0 && (
        <dl class="learned-list">
          <dt>Ruled out</dt>
          <dd>{words.ruled_out.join(" · ")}</dd>
        </dl>
      )}
      {words.changed && (
        <p class="figures">
          <span>{formatPercent(words.confidence)} confident</span>
          {words.rewriter !== null && (
            <span>
              {words.rewriter.name}{" "}
              {words.rewriter.adopted ? "wording taken" : "what was said taken"}
            </span>
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
  const { objective } = weights;
  return (
    <>
      <p class="reason">{weights.reason}</p>
      <Blame record={record} />
      {weights.shift_norm !== null && (
        <dl class="measures">
          <Measure name="shift ‖Δθ‖" value={formatNumber(weights.shift_norm)} />
          <Measure name="this step" value={formatNumber(weights.step_norm)} />
          <Measure name="KL, nats a token" value={formatNumber(weights.kl)} />
          <Measure name="update" value={formatMs(weights.ms)} />
          <Measure name="cost" value={formatUsd(record.cost.usd)} />
          <Measure
            name="generation"
            value={generation === undefined ? "–" : `g${generation.index}`}
          />
          {objective !== null && (
            <Measure
              name="objective"
              value={`${formatNumber(objective.before)} → ${formatNumber(objective.after)}`}
              wide
            />
          )}
        </dl>
      )}
      {generation !== undefined && generation.rows.length > 0 && <Shifts generation={generation} />}
    </>
  );
}

function Measure({ name, value, wide }: { name: string; value: string; wide?: boolean }) {
  return (
    <div class={wide === true ? "wide" : undefined}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** How the schedule divided the fault between wording and skill, where it had to. */
function Blame({ record }: { record: FeedbackRecord }) {
  const { incapacity, split } = (record.plan ?? {}) as {
    incapacity?: number | null;
    split?: { words: number; weights: number } | null;
  };
  if (split != null) {
    return (
      <p class="figures">
        <span>words explain {formatNumber(split.words, 1)} nats</span>
        <span>weights owe {formatNumber(split.weights, 1)} nats</span>
      </p>
    );
  }
  if (incapacity == null) return null;
  return (
    <p class="figures">
      <span>fault: {formatPercent(1 - incapacity)} wording</span>
      <span>{formatPercent(incapacity)} skill</span>
    </p>
  );
}

/** Each example's gain in log-prob: as the linear model predicted it, and as it came. */
function Shifts({ generation }: { generation: Generation }) {
  const largest = Math.max(
    0.1,
    ...generation.rows.flatMap((row) => [
      Math.abs(row.predicted_shift),
      Math.abs(row.realised_shift),
    ]),
  );
  const width = (shift: number) => ({ width: `${(100 * Math.abs(shift)) / largest}%` });
  return (
    <table class="shifts">
      <caption>Gain in log-prob of each example (nats)</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">Example</th>
          <th scope="col">Predicted</th>
          <th scope="col">Realised</th>
        </tr>
      </thead>
      <tbody>
        {generation.rows.map((row, index) => (
          <tr key={index}>
            <th scope="row">{row.kind}</th>
            <td>
              <span class="bar predicted" style={width(row.predicted_shift)} />
              <span>{signed(row.predicted_shift)} predicted</span>
            </td>
            <td>
              <span class="bar realised" style={width(row.realised_shift)} />
              <span>{signed(row.realised_shift)} realised</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${formatNumber(value, 1)}`;
}
