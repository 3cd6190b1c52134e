/** Shift and objective by turn: one drawing with two panels over the same turns, and the same as a table. */
import type { Session } from "rosa2";
import { formatNumber } from "../format.ts";

const width = 300;
const left = 34;
const right = 10;
const panelHeight = 64;
const shiftTop = 16;
const objectiveTop = shiftTop + panelHeight + 30;
const height = objectiveTop + panelHeight + 22;

interface Point {
  /** Turn that was judged, from 1. */
  turn: number;
  shift: number;
  before: number;
  after: number;
}

export function Plot({ session }: { session: Session }) {
  const points = pointsOf(session);
  if (points.length === 0) {
    return (
      <section aria-labelledby="curve">
        <h2 id="curve">Shift and objective</h2>
        <p class="note">Drawn once feedback has changed the weights.</p>
      </section>
    );
  }
  const turns = session.turns.length;
  const x = (turn: number) =>
    left + (turns === 1 ? 0.5 : (turn - 1) / (turns - 1)) * (width - left - right);
  const shiftMax = Math.max(...points.map(({ shift }) => shift), 1e-9);
  const low = Math.min(...points.map(({ before }) => before));
  const high = Math.max(0, ...points.map(({ after }) => after));
  const shiftY = scale(0, shiftMax, shiftTop);
  const objectiveY = scale(low, high, objectiveTop);
  const steps = points.map(({ turn, shift }) => `L${x(turn)} ${shiftY(shift)}`).join("");
  return (
    <section aria-labelledby="curve">
      <h2 id="curve">Shift and objective</h2>
      <svg class="plot" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        <Panel title="shift ‖Δθ‖" top={shiftTop} low="0" high={formatNumber(shiftMax, 1)} />
        <path class="shift-line" d={`M${x(1)} ${shiftY(0)}${steps}`} />
        {points.map(({ turn, shift }) => (
          <circle key={turn} class="shift-dot" cx={x(turn)} cy={shiftY(shift)} r={3.5} />
        ))}
        <Panel
          title="objective, before → after"
          top={objectiveTop}
          low={formatNumber(low, 1)}
          high={formatNumber(high, 1)}
        />
        {points.map(({ turn, before, after }) => (
          <g key={turn} class="objective">
            <line x1={x(turn)} x2={x(turn)} y1={objectiveY(before)} y2={objectiveY(after)} />
            <circle class="before" cx={x(turn)} cy={objectiveY(before)} r={3} />
            <circle class="after" cx={x(turn)} cy={objectiveY(after)} r={3.5} />
          </g>
        ))}
        <text class="tick" x={2} y={height - 4}>
          turn
        </text>
        {session.turns.map(({ id, index }) =>
          turns > 12 && index % Math.ceil(turns / 12) !== 0 ? null : (
            <text key={id} class="tick" x={x(index + 1)} y={height - 4} text-anchor="middle">
              {index + 1}
            </text>
          ),
        )}
      </svg>
      <table class="hidden">
        <caption>Shift and objective by turn</caption>
        <thead>
          <tr>
            <th scope="col">Turn</th>
            <th scope="col">Shift</th>
            <th scope="col">Objective before</th>
            <th scope="col">Objective after</th>
          </tr>
        </thead>
        <tbody>
          {points.map(({ turn, shift, before, after }) => (
            <tr key={turn}>
              <th scope="row">{turn}</th>
              <td>{formatNumber(shift)}</td>
              <td>{formatNumber(before)}</td>
              <td>{formatNumber(after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Panel(props: { title: string; top: number; low: string; high: string }) {
  const { title, top, low, high } = props;
  return (
    <g>
      <text class="panel-title" x={left} y={top - 6}>
        {title}
      </text>
      <line
        class="axis"
        x1={left}
        x2={width - right}
        y1={top + panelHeight}
        y2={top + panelHeight}
      />
      <line class="grid" x1={left} x2={width - right} y1={top} y2={top} />
      <text class="tick" x={left - 5} y={top + 4} text-anchor="end">
        {high}
      </text>
      <text class="tick" x={left - 5} y={top + panelHeight + 3} text-anchor="end">
        {low}
      </text>
    </g>
  );
}

function scale(low: number, high: number, top: number): (value: number) => number {
  const span = high - low || 1;
  return (value) => top + panelHeight * (1 - (value - low) / span);
}

/** One point for each judged turn whose feedback made a generation; the last such feedback counts. */
function pointsOf({ turns, feedback }: Session): Point[] {
  const points = new Map<number, Point>();
  for (const { turn_id, weights } of feedback) {
    const index = turns.find(({ id }) => id === turn_id)?.index;
    if (index === undefined || weights?.decision !== "updated") continue;
    const { shift_norm: shift, objective } = weights;
    if (shift === null || objective === null) continue;
    points.set(index + 1, { turn: index + 1, shift, ...objective });
  }
  return [...points.values()].sort((a, b) => a.turn - b.turn);
}
