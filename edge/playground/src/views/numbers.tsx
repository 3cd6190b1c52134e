/** The figures behind an adaptation step, folded away, each with its meaning and which direction is good. */
import type { FeedbackRecord, Generation, Weights } from "rosa2";
import { type Figure, glossary } from "../../../src/docs/glossary.ts";
import { formatMs, formatNumber, formatPercent, formatUsd } from "../format.ts";
import { chance, type Shift } from "../summary.ts";

/** Probability moving from the wrong reply to the right one. */
export function Chances({ shifts }: { shifts: Shift[] }) {
  if (shifts.length === 0) return null;
  return (
    <table class="chances">
      <caption class="hidden">How likely the model finds each reply</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">Reply</th>
          <th scope="col">Before</th>
          <th scope="col">Now</th>
        </tr>
      </thead>
      <tbody>
        {shifts.map(({ what, before, after }) => (
          <tr key={what} data-what={what}>
            <th scope="row">{what}</th>
            <td>
              <span class="chance-bar before" style={{ width: `${100 * before}%` }} />
              <span class="chance-text">{chance(before)}</span>
            </td>
            <td>
              <span class="chance-bar now" style={{ width: `${100 * after}%` }} />
              <span class="chance-text">{chance(after)}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Numbers({
  weights,
  record,
  generation,
}: {
  weights: Weights;
  record: FeedbackRecord;
  generation: Generation | undefined;
}) {
  const { objective } = weights;
  if (weights.shift_norm === null && record.plan === null) return null;
  return (
    <details class="numbers">
      <summary>The numbers</summary>
      <p class="reason">{weights.reason}</p>
      <Blame record={record} />
      {weights.shift_norm !== null && (
        <dl class="measures">
          <Measure
            name="shift ‖Δθ‖"
            value={formatNumber(weights.shift_norm)}
            of={glossary.shift_norm}
          />
          <Measure
            name="this step"
            value={formatNumber(weights.step_norm)}
            of={glossary.step_norm}
          />
          <Measure name="KL, nats a token" value={formatNumber(weights.kl)} of={glossary.kl} />
          <Measure name="update" value={formatMs(weights.ms)} of={glossary.ms} />
          <Measure name="cost" value={formatUsd(record.cost.usd)} of={glossary.cost} />
          <Measure
            name="generation"
            value={generation === undefined ? "–" : `g${generation.index}`}
            of={glossary.generation}
          />
          {objective !== null && (
            <Measure
              name="objective"
              value={`${formatNumber(objective.before)} → ${formatNumber(objective.after)}`}
              of={glossary.objective}
            />
          )}
        </dl>
      )}
      {generation !== undefined && generation.rows.length > 0 && <Shifts generation={generation} />}
      <p class="note">
        <a href="/docs/guides#figures">Every figure, and which way is good</a>
      </p>
    </details>
  );
}

/** A figure with its explanation from the glossary: its meaning, and which way is good. */
function Measure({ name, value, of }: { name: string; value: string; of: Figure }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
      <dd class="means">
        {of.means}. {of.good}.
      </dd>
    </div>
  );
}

/** How the schedule divided the fault between wording and skill, where it had to divide it. */
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

/** Each example's gain in log-prob: the linear model's prediction and the measured value. */
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
