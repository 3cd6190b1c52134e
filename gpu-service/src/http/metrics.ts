/** The service's figures in Prometheus' format. The HTTP layer and the engine feed it; it knows neither. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { PassReport } from "../engine/batch/scheduler.ts";
import type { EngineState } from "../engine/queue/messages.ts";

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const stepSecondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export class Metrics {
  readonly registry = new Registry();
  readonly #requests = this.#counter("rosa2_requests_total", "Requests answered", [
    "path",
    "status",
    "code",
  ]);
  readonly #requestSeconds = this.#histogram(
    "rosa2_request_seconds",
    "Time from a request's first byte to its answer's last",
    secondsBuckets,
    ["path"],
  );
  readonly #tokens = this.#counter("rosa2_tokens_total", "Tokens by kind", ["kind"]);
  readonly #queue = this.#gauge("rosa2_queue", "Work waiting and running", ["state"]);
  readonly #rows = this.#histogram(
    "rosa2_decode_rows",
    "Rows of a decode step",
    [1, 2, 4, 8, 16, 32, 64],
  );
  readonly #stepSeconds = this.#histogram(
    "rosa2_step_seconds",
    "Time of one run of the model by kind",
    stepSecondsBuckets,
    ["kind"],
  );
  readonly #updates = this.#counter("rosa2_updates_total", "Weight updates by decision", [
    "decision",
  ]);
  readonly #adapterLookups = this.#gauge(
    "rosa2_adapter_lookups",
    "Adapter cache since the engine started",
    ["result"],
  );
  readonly #adapterBytes = this.#gauge("rosa2_adapter_bytes", "Bytes of adapters in the cache");
  readonly #parkedTokens = this.#gauge(
    "rosa2_parked_tokens",
    "Tokens whose keys and values are kept for the next turn",
  );
  readonly #engineFailures = this.#counter(
    "rosa2_engine_failures_total",
    "Unexpected engine errors",
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  requestEnded(path: string, status: number, code: string, ms: number): void {
    // Unknown paths share one label, because callers could invent any number of them.
    const known = status === 404 ? "other" : path;
    this.#requests.inc({ path: known, status, code });
    this.#requestSeconds.observe({ path: known }, ms / 1000);
  }

  replyEnded(usage: {
    prompt_tokens: number;
    completion_tokens: number;
    cached_tokens: number;
  }): void {
    this.#tokens.inc({ kind: "prompt" }, usage.prompt_tokens);
    this.#tokens.inc({ kind: "completion" }, usage.completion_tokens);
    this.#tokens.inc({ kind: "cached" }, usage.cached_tokens);
  }

  updateEnded(decision: string): void {
    this.#updates.inc({ decision });
  }

  engineFailed(): void {
    this.#engineFailures.inc();
  }

  enginePassed(report: PassReport, state: EngineState): void {
    if (report.rows > 0) {
      this.#rows.observe(report.rows);
      this.#stepSeconds.observe({ kind: "decode" }, report.decodeMs / 1000);
    }
    if (report.prefillTokens > 0) {
      this.#stepSeconds.observe({ kind: "prefill" }, report.prefillMs / 1000);
    }
    if (report.backgroundMs > 0) {
      this.#stepSeconds.observe({ kind: "background" }, report.backgroundMs / 1000);
    }
    this.#queue.set({ state: "waiting" }, state.waiting);
    this.#queue.set({ state: "running" }, state.running);
    this.#adapterLookups.set({ result: "hit" }, state.adapterHits);
    this.#adapterLookups.set({ result: "miss" }, state.adapterMisses);
    this.#adapterBytes.set(state.adapterBytes);
    this.#parkedTokens.set(state.parkedTokens);
  }

  #counter(name: string, help: string, labelNames: string[] = []) {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[] = []) {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[], labelNames: string[] = []) {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }
}
