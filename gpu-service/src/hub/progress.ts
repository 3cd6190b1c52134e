/**
 * Shows progress of a download, or of something being made, on standard error: a bar on a terminal, a line now and then
 * elsewhere.
 */
import { isatty, WriteStream } from "node:tty";
import { Presets, SingleBar } from "cli-progress";

export interface DownloadReport {
  start(label: string, totalBytes: number): void;
  /** Bytes present from an earlier run; negative if some are discarded. */
  found(bytes: number): void;
  received(bytes: number): void;
  stop(): void;
  /** Something worth knowing that is no failure. */
  note(text: string): void;
}

const standardError = 2;
const linePeriodMs = 10_000;

export function terminalReport(): DownloadReport {
  return isatty(standardError) ? new Bar() : new Lines();
}

/** Shows counts of things made once for a model, each kind under its label. */
export function countingReport<Kind extends string>(
  labels: Record<Kind, string>,
): (kind: Kind, done: number, of: number) => void {
  const bars = new Map<Kind, SingleBar>();
  const shownAt = new Map<Kind, number>();
  return (kind, done, of) => {
    const label = labels[kind];
    if (isatty(standardError)) {
      const bar = bars.get(kind) ?? startedBar(label, of);
      bars.set(kind, bar);
      bar.setTotal(of);
      bar.update(done);
      if (done === of) bar.stop();
      return;
    }
    const now = performance.now();
    if (done < of && now - (shownAt.get(kind) ?? 0) < linePeriodMs) return;
    shownAt.set(kind, now);
    console.error(`${label}: ${done} of ${of}`);
  };
}

function startedBar(label: string, of: number): SingleBar {
  const stream = new WriteStream(standardError);
  stream.unref();
  const format = "{label} {bar} {value} of {total} | {eta_formatted} left";
  const bar = new SingleBar({ format, stream, hideCursor: true }, Presets.rect);
  bar.start(of, 0, { label });
  return bar;
}

class Bar implements DownloadReport {
  #bar: SingleBar | undefined;
  readonly #speed = new Speed();

  start(label: string, totalBytes: number): void {
    // In a worker thread `process.stderr` is no terminal.
    const stream = new WriteStream(standardError);
    stream.unref();
    this.#bar = new SingleBar(
      {
        format: "{label} {bar} {percentage} % of {size} | {speed}/s | {eta_formatted} left",
        stream,
        hideCursor: true,
      },
      Presets.rect,
    );
    this.#bar.start(totalBytes, 0, { label, size: formatBytes(totalBytes), speed: "…" });
  }

  found(bytes: number): void {
    this.#bar?.increment(bytes);
  }

  received(bytes: number): void {
    this.#bar?.increment(bytes, { speed: formatBytes(this.#speed.add(bytes)) });
  }

  stop(): void {
    this.#bar?.stop();
  }

  note(text: string): void {
    console.error(text);
  }
}

class Lines implements DownloadReport {
  #label = "";
  #total = 0;
  #done = 0;
  #shownAt = 0;
  readonly #speed = new Speed();

  start(label: string, totalBytes: number): void {
    this.#label = label;
    this.#total = totalBytes;
    this.#shownAt = performance.now();
    this.note(`Downloading ${label}: ${formatBytes(totalBytes)}`);
  }

  found(bytes: number): void {
    this.#done += bytes;
  }

  received(bytes: number): void {
    this.#done += bytes;
    const speed = this.#speed.add(bytes);
    if (performance.now() - this.#shownAt < linePeriodMs) return;
    this.#shownAt = performance.now();
    const percent = Math.floor((100 * this.#done) / Math.max(1, this.#total));
    this.note(
      `Downloading ${this.#label}: ${percent} % of ${formatBytes(this.#total)}, ${formatBytes(speed)}/s`,
    );
  }

  stop(): void {
    if (this.#done >= this.#total) this.note(`Downloaded ${this.#label}`);
  }

  note(text: string): void {
    console.error(text);
  }
}

/** Bytes a second since the first ones. */
class Speed {
  #bytes = 0;
  #since: number | undefined;

  add(bytes: number): number {
    this.#since ??= performance.now();
    this.#bytes += bytes;
    return this.#bytes / Math.max(1, (performance.now() - this.#since) / 1000);
  }
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}
