/** Figures as text. */

const count = new Intl.NumberFormat("en");

export function formatCount(n: number): string {
  return count.format(n);
}

/** Small sums keep two significant digits. */
export function formatUsd(usd: number): string {
  if (usd === 0) return "$0";
  if (usd >= 0.01) return `$${usd.toFixed(2)}`;
  return `$${usd.toPrecision(2).replace(/e-(\d+)$/, "e−$1")}`;
}

export function formatNumber(value: number | null | undefined, digits = 2): string {
  if (value == null) return "–";
  const text = value.toFixed(digits);
  return text.replace("-", "−");
}

export function formatMs(ms: number | null): string {
  if (ms === null) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function formatPercent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function formatTime(iso: string): string {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** A month as the API gives it, `2026-11`. */
export function formatMonth(month: string): string {
  return new Date(`${month}-15`).toLocaleDateString([], { month: "long", year: "numeric" });
}

export function formatDay(iso: string): string {
  return new Date(iso).toLocaleDateString([], { day: "numeric", month: "short" });
}
