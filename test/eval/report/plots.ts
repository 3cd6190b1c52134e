/** Plots as inline SVG without scripts, fonts or external files. Knows numbers and names, not what they mean. */

export interface Series {
  name: string;
  color: string;
  points: readonly ({ y: number; error: number | null } | null)[];
}

export interface Bar {
  name: string;
  color: string;
  value: number | null;
  error: number | null;
}

const width = 420;
const height = 260;
const margin = { left: 44, right: 12, top: 34, bottom: 40 };
const inner = {
  width: width - margin.left - margin.right,
  height: height - margin.top - margin.bottom,
};

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Shares by position, one line a series with its standard error as a band. */
export function linePlot(title: string, xLabel: string, series: readonly Series[]): string {
  const count = Math.max(1, ...series.map(({ points }) => points.length));
  const x = (i: number) => margin.left + (count === 1 ? 0.5 : i / (count - 1)) * inner.width;
  const y = (value: number) => margin.top + (1 - clamp(value)) * inner.height;
  const lines = series.map(({ name, color, points }) => {
    const known = points.flatMap((point, i) => (point === null ? [] : { ...point, i }));
    if (known.length === 0) return "";
    const edge = (sign: number) =>
      known.map(({ y: value, error, i }) => `${at(x(i))},${at(y(value + sign * (error ?? 0)))}`);
    const band = [...edge(1), ...edge(-1).reverse()].join(" ");
    const line = known.map(({ y: value, i }) => `${at(x(i))},${at(y(value))}`).join(" ");
    const dots = known
      .map(({ y: value, i }) => `<circle cx="${at(x(i))}" cy="${at(y(value))}" r="2.2"/>`)
      .join("");
    return `<g fill="${color}"><title>${escapeHtml(name)}</title><polygon points="${band}" opacity=".15"/><polyline points="${line}" fill="none" stroke="${color}" stroke-width="2"/>${dots}</g>`;
  });
  const step = Math.max(1, Math.ceil(count / 12));
  const labels = Array.from({ length: count }, (_, i) =>
    i % step === 0 ? text(x(i), height - margin.bottom + 16, String(i + 1), "middle") : "",
  );
  return frame(title, [
    ...[0, 0.25, 0.5, 0.75, 1].map((share) => gridLine(y(share), String(share))),
    ...labels,
    text(margin.left + inner.width / 2, height - 6, xLabel, "middle"),
    ...lines,
  ]);
}

/** One bar a name, with its standard error as a whisker. */
export function barPlot(title: string, bars: readonly Bar[]): string {
  const known = bars.filter(({ value }) => value !== null);
  const top = niceCeiling(Math.max(0, ...known.map(({ value, error }) => value! + (error ?? 0))));
  const y = (value: number) => margin.top + (1 - clamp(value / top)) * inner.height;
  const slot = inner.width / Math.max(1, bars.length);
  const drawn = bars.flatMap(({ name, color, value, error }, i) => {
    const middle = margin.left + (i + 0.5) * slot;
    const label = text(middle, height - margin.bottom + 16, name, "middle");
    if (value === null) return [label, text(middle, y(0) - 6, "–", "middle")];
    const half = Math.min(24, slot * 0.35);
    const bar = `<rect x="${at(middle - half)}" y="${at(y(value))}" width="${at(2 * half)}" height="${at(y(0) - y(value))}" fill="${color}"><title>${escapeHtml(name)}: ${value.toPrecision(3)}</title></rect>`;
    const whisker =
      error === null
        ? ""
        : `<line x1="${at(middle)}" x2="${at(middle)}" y1="${at(y(value - error))}" y2="${at(y(value + error))}" class="ink"/>`;
    return [
      bar,
      whisker,
      text(middle, y(value + (error ?? 0)) - 5, value.toPrecision(3), "middle"),
      label,
    ];
  });
  return frame(title, [
    ...[0, 0.5, 1].map((share) =>
      gridLine(y(share * top), String(Number((share * top).toPrecision(3)))),
    ),
    ...drawn,
  ]);
}

/** Shares on a grid; `value` gives null for a field without a figure. */
export function heatMap(
  title: string,
  rows: readonly string[],
  columns: readonly string[],
  value: (row: string, column: string) => number | null,
): string {
  const left = 84;
  const cell = {
    width: (width - left - margin.right) / columns.length,
    height: inner.height / rows.length,
  };
  const fields = rows.flatMap((row, r) =>
    columns.map((column, c) => {
      const share = value(row, column);
      const x = left + c * cell.width;
      const y = margin.top + r * cell.height;
      const ink = share !== null && share > 0.55 ? "#fff" : "#111";
      const name = `${row}, ${column}: ${share === null ? "not run" : share.toFixed(3)}`;
      return `<rect x="${at(x)}" y="${at(y)}" width="${at(cell.width - 2)}" height="${at(cell.height - 2)}" fill="${shade(share)}"><title>${escapeHtml(name)}</title></rect><text x="${at(x + cell.width / 2)}" y="${at(y + cell.height / 2 + 5)}" text-anchor="middle" style="fill:${ink};font-size:15px">${share === null ? "–" : share.toFixed(2)}</text>`;
    }),
  );
  return frame(title, [
    ...fields,
    ...rows.map((row, r) => text(left - 8, margin.top + (r + 0.5) * cell.height + 4, row, "end")),
    ...columns.map((column, c) =>
      text(left + (c + 0.5) * cell.width, height - margin.bottom + 16, column, "middle"),
    ),
  ]);
}

function frame(title: string, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${text(8, 18, title, "start", "title")}${parts.join("")}</svg>`;
}

function gridLine(y: number, label: string): string {
  return `<line x1="${margin.left}" x2="${width - margin.right}" y1="${at(y)}" y2="${at(y)}" class="grid"/>${text(margin.left - 6, y + 4, label, "end")}`;
}

function text(x: number, y: number, content: string, anchor: string, kind = ""): string {
  const style = kind === "" ? "" : ` class="${kind}"`;
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}"${style}>${escapeHtml(content)}</text>`;
}

/** White to deep blue; grey where there is no figure. */
function shade(share: number | null): string {
  if (share === null) return "#ddd";
  const mix = (from: number, to: number) => Math.round(from + (to - from) * clamp(share));
  return `rgb(${mix(247, 8)},${mix(251, 81)},${mix(255, 156)})`;
}

/** The next round number: two digits at most, close above the value. */
function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10]
    .map((factor) => factor * power)
    .find((nice) => nice >= value)!;
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** Coordinates are rounded to half a pixel. */
function at(coordinate: number): string {
  return String(Number(coordinate.toFixed(1)));
}
