/** One bar a day: tokens, adaptations or cost. */
import { useEffect, useState } from "preact/hooks";
import type { UsageReport } from "rosa2";
import { formatCount, formatDay, formatUsd } from "../format.ts";

type Day = UsageReport["data"][number];
export type Measure = "tokens" | "adaptations" | "cost";

export const measures: readonly { value: Measure; text: string }[] = [
  { value: "tokens", text: "Tokens" },
  { value: "adaptations", text: "Adaptations" },
  { value: "cost", text: "Cost" },
];

const daysShown = 30;
const height = 180;
const top = 18;
const bottom = 24;

/** `days` is null while they are being read. */
export function Chart({ days, measure }: { days: Day[] | null; measure: Measure }) {
  // The drawing uses about the page's own pixels, so that its letters keep their size.
  const width = useIsNarrow() ? 350 : 720;
  const series = lastDays(days ?? []);
  const values = series.map(({ usage }) => (usage === undefined ? 0 : amountOf(usage, measure)));
  const largest = Math.max(...values);
  const format = measure === "cost" ? formatUsd : formatCount;
  const step = width / series.length;
  const barHeight = (value: number) =>
    largest === 0 ? 0 : ((height - top - bottom) * value) / largest;
  const total = values.reduce((sum, value) => sum + value, 0);
  return (
    <svg
      class="chart"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`${measure} in the last ${daysShown} days: ${format(total)} in all, at most ${format(largest)} a day`}
      data-measure={measure}
    >
      <line class="grid" x1={0} x2={width} y1={top} y2={top} />
      <text class="tick" x={0} y={top - 5}>
        {largest > 0 && format(largest)}
      </text>
      {days !== null && largest === 0 && (
        <text class="nothing" x={width / 2} y={height / 2} text-anchor="middle">
          Nothing in the last {daysShown} days
        </text>
      )}
      <line class="axis" x1={0} x2={width} y1={height - bottom} y2={height - bottom} />
      {series.map(({ day }, index) => {
        const value = values[index] ?? 0;
        const tall = barHeight(value);
        return (
          <g key={day}>
            <title>{`${formatDay(day)}: ${format(value)}`}</title>
            <rect
              class="day"
              x={index * step + step * 0.14}
              width={step * 0.72}
              y={height - bottom - tall}
              height={tall}
              rx={2}
            />
            {(series.length - 1 - index) % 7 === 0 && (
              <text
                class={(series.length - 1 - index) % 14 === 0 ? "tick" : "tick minor"}
                x={index === series.length - 1 ? width : (index + 0.5) * step}
                y={height - 6}
                text-anchor={index === series.length - 1 ? "end" : "middle"}
              >
                {formatDay(day)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}

function useIsNarrow(): boolean {
  const [query] = useState(() => matchMedia("(max-width: 640px)"));
  const [narrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const follow = () => setNarrow(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, [query]);
  return narrow;
}

function amountOf(day: Day, measure: Measure): number {
  if (measure === "cost") return day.cost.usd;
  if (measure === "adaptations") return day.adaptations_accepted;
  return day.prompt_tokens + day.completion_tokens;
}

/** The last days in order, including days without use. */
function lastDays(days: Day[]): { day: string; usage: Day | undefined }[] {
  const dayMs = 86_400_000;
  return Array.from({ length: daysShown }, (_, index) => {
    const day = new Date(Date.now() - (daysShown - 1 - index) * dayMs).toISOString().slice(0, 10);
    return { day, usage: days.find(({ group }) => group === day) };
  });
}
