/** The engine's thread: owns the model, runs the scheduler, communicates by messages. */
import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { slotCount } from "../batch/kv-budget.ts";
import { Scheduler } from "../batch/scheduler.ts";
import { AdapterCache } from "./adapter-cache.ts";
import { EventBatch } from "./event-batch.ts";
import {
  type EngineState,
  type FromWorker,
  type ToWorker,
  toWire,
  type WorkRequest,
} from "./messages.ts";
import { Requests } from "./requests.ts";
import type { Runtime } from "./runtime.ts";

export interface WorkerOptions {
  /** Module whose `loadRuntime(options)` makes the model; tests bring their own. */
  runtime: { module: string; options: unknown };
  rowsMax: number;
  prefillTokens: number;
  backgroundShare: number;
  /** Memory for keys and values; bounds how many sequences run or stay parked. */
  kvBytesMax: number;
  adapterCacheBytesMax: number;
}

if (parentPort === null) throw new Error("Cannot run the engine's worker outside a worker thread");
const port = parentPort;
const send = (message: FromWorker, transfer: ArrayBuffer[] = []) =>
  port.postMessage(message, transfer);

const options = workerData as WorkerOptions;
const runtime = await load(options).catch((error) => {
  send({ type: "unloadable", error: toWire(error) });
  return null;
});
if (runtime !== null) await serve(runtime, options);
port.close();

async function load({ runtime: { module, options } }: WorkerOptions): Promise<Runtime> {
  const { loadRuntime } = (await import(module)) as {
    loadRuntime(options: unknown): Promise<Runtime>;
  };
  return loadRuntime(options);
}

/** Answers messages until `stop`. An error here ends the thread; the other side starts a new one. */
async function serve(runtime: Runtime, options: WorkerOptions): Promise<void> {
  const { model } = runtime;
  const tokensMax = model.shape.contextLength;
  const scheduler = new Scheduler(
    model,
    model.allocateCache(slotCount(model.shape, options.kvBytesMax), tokensMax),
    options,
  );
  const adapters = new AdapterCache(options.adapterCacheBytesMax);
  const requests = new Requests(runtime, scheduler, adapters, tokensMax);
  const events = new EventBatch(send);

  port.on("message", (message: ToWorker) => {
    if (message.type === "cancel") requests.cancel(message.id);
    else if (message.type === "stop") scheduler.stop();
    else void answer(message, requests, events);
  });
  send({
    type: "ready",
    model: {
      id: model.id,
      digest: model.digest,
      context_length: tokensMax,
      parameters: model.parameterCount,
      ...(runtime.lora === undefined ? {} : { lora: runtime.lora }),
      ...(runtime.contextPolicy === undefined ? {} : { context_policy: runtime.contextPolicy }),
    },
  });
  // Compiled code of this thread, kept for the next start.
  flushCompileCache();
  const state = (): EngineState => ({ ...scheduler.counts, ...adapters.stats });
  await scheduler.run((report) => events.addFigures({ type: "pass", report, state: state() }));
  await model.dispose();
  events.flush();
}

async function answer(
  { id, adapterBytes, ...work }: WorkRequest,
  requests: Requests,
  events: EventBatch,
): Promise<void> {
  const fail = (error: unknown) => events.add({ type: "failed", id, error: toWire(error) });
  try {
    if (work.type === "generate") {
      await requests.generate(id, work.request, adapterBytes, {
        event: (event) => events.add({ type: "event", id, event }),
        fail,
      });
      events.add({ type: "accepted", id });
    } else if (work.type === "sample") {
      const result = await requests.sample(id, work.request, adapterBytes);
      events.add({ type: "sampled", id, result });
    } else if (work.type === "score") {
      const result = await requests.score(id, work.request, adapterBytes);
      events.add({ type: "scored", id, result });
    } else if (work.type === "adapt") {
      const { result, bytes } = await requests.adapt(id, work.request, adapterBytes);
      const file = bytes === null ? null : Uint8Array.from(bytes);
      events.add({ type: "adapted", id, result, adapterBytes: file }, file === null ? [] : [file]);
    } else {
      const files = requests.export(work.request, adapterBytes);
      events.add({ type: "exported", id, files }, Object.values(files));
    }
  } catch (error) {
    fail(error);
  }
}
