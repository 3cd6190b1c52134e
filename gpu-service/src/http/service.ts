/**
 * The HTTP routes: each validates a request, calls the engine, and shapes the answer.
 *
 * `createReplyService` has the routes of every source of replies; `createService` adds those that need the engine.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { Health } from "@rosa2/shared/health";
import {
  adaptRequestSchema,
  exportRequestSchema,
  type GenerateEvent,
  type GenerateRequest,
  generateRequestSchema,
  sampleRequestSchema,
  scoreRequestSchema,
} from "@rosa2/shared/protocol";
import { type Context, Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { Logger } from "pino";
import type { Engine } from "../engine/queue/engine.ts";
import { zipStream } from "./archive.ts";
import { readBody } from "./body.ts";
import type { Metrics } from "./metrics.ts";
import { logRequests, type RequestFacts, type RequestVariables } from "./request-log.ts";
import { requireSecret, type Secrets } from "./secret.ts";

/** A source of replies: the engine, or vLLM behind its gateway. */
export interface ReplySource {
  readonly health: Health | Promise<Health>;
  /** Resolves once the request is accepted. Cancelling the stream, or aborting, ends the reply. */
  generate(
    request: GenerateRequest,
    adapterBytes: Uint8Array<ArrayBuffer> | null,
    signal: AbortSignal,
  ): Promise<ReadableStream<GenerateEvent>>;
}

interface ServiceSurroundings {
  secrets: Secrets;
  logger: Logger;
  metrics: Metrics;
}

/** A comment line at this interval keeps proxies from closing a stream that waits in the queue. */
const heartbeatMs = 15_000;

type Env = { Variables: RequestVariables };

/** Health, figures and replies. */
export function createReplyService(
  source: ReplySource,
  { secrets, logger, metrics }: ServiceSurroundings,
): Hono<Env> {
  const app = new Hono<Env>();
  app.use(logRequests(logger, metrics));
  app.onError((error, c) => answerError(error, c, logger));
  app.notFound((c) => {
    throw new RosaError("not_found", `There is no ${c.req.method} ${c.req.path}`);
  });

  // Liveness: a service that loads or drains is alive, and must not be restarted.
  app.get("/live", (c) => c.json({ status: "alive" }));

  app.get("/health", async (c) => {
    const health = await source.health;
    return c.json(health, health.status === "ok" ? 200 : 503);
  });

  app.use(requireSecret(secrets));

  app.get("/metrics", async (c) =>
    c.body(await metrics.registry.metrics(), 200, { "content-type": metrics.registry.contentType }),
  );

  app.post("/v1/generate", async (c) => {
    const { request, adapterBytes } = await readBody(c, generateRequestSchema);
    noteRequest(c, request);
    const events = await source.generate(request, adapterBytes, c.req.raw.signal);
    const sent = Promise.withResolvers<void>();
    c.set("streaming", sent.promise);
    return streamSSE(c, async (stream) => {
      try {
        const note = (event: GenerateEvent) => noteReply(event, c.get("facts"), metrics);
        await sendEvents(stream, events, request.deltas, note);
      } finally {
        sent.resolve();
      }
    });
  });

  return app;
}

/** The GPU service: replies, and all routes that need the model itself. */
export function createService({
  engine,
  ...surroundings
}: ServiceSurroundings & { engine: Engine }): Hono<Env> {
  const { metrics } = surroundings;
  const app = createReplyService(engine, surroundings);

  app.post("/v1/sample", async (c) => {
    const { request, adapterBytes } = await readBody(c, sampleRequestSchema);
    noteRequest(c, request);
    const { result } = await engine.once("sample", request, adapterBytes, c.req.raw.signal);
    Object.assign(c.get("facts"), result.usage);
    metrics.replyEnded(result.usage);
    return c.json(result);
  });

  app.post("/v1/score", async (c) => {
    const { request, adapterBytes } = await readBody(c, scoreRequestSchema);
    noteRequest(c, request);
    c.get("facts").rows = request.items.length;
    const { result } = await engine.once("score", request, adapterBytes, c.req.raw.signal);
    return c.json(result);
  });

  app.post("/v1/adapt", async (c) => {
    const { request, adapterBytes } = await readBody(c, adaptRequestSchema);
    noteRequest(c, request);
    c.get("facts").rows = request.rows.length;
    const update = await engine.once("adapt", request, adapterBytes, c.req.raw.signal);
    c.get("facts").decision = update.result.decision;
    metrics.updateEnded(update.result.decision);
    const form = new FormData();
    form.set("result", JSON.stringify(update.result));
    if (update.adapterBytes !== null) {
      form.set("adapter", new Blob([update.adapterBytes]), "adapter.safetensors");
    }
    return new Response(form);
  });

  app.post("/v1/export", async (c) => {
    const { request, adapterBytes } = await readBody(c, exportRequestSchema);
    noteRequest(c, request);
    const { files } = await engine.once("export", request, adapterBytes, c.req.raw.signal);
    return c.body(zipStream(files), 200, { "content-type": "application/zip" });
  });

  return app;
}

/** Passes on events until the last one. A caller that disconnects cancels the reply. */
async function sendEvents(
  stream: SSEStreamingApi,
  events: ReadableStream<GenerateEvent>,
  withDeltas: boolean,
  onEvent: (event: GenerateEvent) => void,
): Promise<void> {
  const reader = events.getReader();
  stream.onAbort(() => void reader.cancel().catch(() => {}));
  const heartbeat = setInterval(() => void stream.write(": waiting\n\n"), heartbeatMs);
  const send = async (event: GenerateEvent) => {
    onEvent(event);
    await stream.writeSSE({ data: JSON.stringify(event) });
  };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (withDeltas || value.type !== "delta") await send(value);
    }
  } catch (error) {
    const { code, message } = toRosaError(error);
    await send({ type: "error", error: { code, message } });
  } finally {
    clearInterval(heartbeat);
  }
}

function noteRequest(
  c: Context<Env>,
  { tenant, adapter }: { tenant: string; adapter: { digest: string } | null },
): void {
  Object.assign(c.get("facts"), { tenant, adapter: adapter?.digest.slice(0, 12) });
}

function noteReply(event: GenerateEvent, facts: RequestFacts, metrics: Metrics): void {
  if (event.type === "error") facts.code = event.error.code;
  if (event.type !== "done") return;
  Object.assign(facts, event.usage, { finish_reason: event.finish_reason });
  metrics.replyEnded(event.usage);
}

function answerError(error: Error, c: Context<Env>, logger: Logger): Response {
  const known = toRosaError(error);
  const requestId = c.get("requestId");
  if (!(error instanceof RosaError)) logger.error({ err: error, request_id: requestId }, "bug");
  if (known.retryAfterS !== undefined) c.header("retry-after", String(known.retryAfterS));
  // The rest of the body stays unread, so the connection cannot be reused.
  if (known.code === "payload_too_large") c.header("connection", "close");
  return c.json(known.body(requestId), known.status as 500);
}

function toRosaError(error: unknown): RosaError {
  if (error instanceof RosaError) return error;
  return new RosaError("internal_error", "The service failed on this request", { cause: error });
}
