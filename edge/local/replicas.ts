/**
 * Several GPU services behind one port: starts them, restarts each when it ends, and distributes requests. Runs as a
 * process in place of one GPU service. It knows no request and no state.
 *
 * The GPU service is a pure function, so a request whose replica dies before it answers goes to the next one. Once an
 * answer has begun, the caller notices its end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { RosaError } from "@rosa2/shared/errors";
import { createProxyServer } from "http-proxy-3";
import { choosePort } from "./ports.ts";

interface Replica {
  name: string;
  port: number;
  ready: boolean;
}

const healthCheckMs = 500;
const restartMs = 1_000;
const parentCheckMs = 500;
/** A little longer than the service's own grace for what is in flight. */
const stopMs = 35_000;

const main = fileURLToPath(new URL("../../gpu-service/src/main.ts", import.meta.url));
const proxy = createProxyServer({ xfwd: false });
const replicas: Replica[] = [];
const children = new Map<Replica, ChildProcess>();
let stopping = false;
let turn = 0;

proxy.on("proxyRes", (answer, request, response) => {
  // Cut off instead of left open or ended, so that a part is not mistaken for the whole.
  answer.once("close", () => {
    if (!answer.complete) response.destroy();
  });
  const replica = (request as IncomingMessage & { replica?: Replica }).replica;
  (response as ServerResponse).setHeader("x-rosa2-replica", replica?.name ?? "");
});
for (let index = 0; index < Number(process.env.REPLICAS); index++) {
  const replica = { name: String(index), port: await choosePort(0), ready: false };
  replicas.push(replica);
  void keepServing(replica);
}
const server = createServer((request, response) => void hand(request, response));
server.listen(Number(process.env.GPU_PORT), process.env.GPU_HOST);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop());
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) void stop();
}, parentCheckMs).unref();

/** Gives a request to a replica, and to the next one while none has begun to answer. */
async function hand(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return;
  }
  const body = Buffer.concat(chunks);
  for (let tries = replicas.length; tries > 0; tries--) {
    if (await answered(next(), request, response, body)) return;
  }
  const { status, ...error } = refusal();
  response.writeHead(status, { "content-type": "application/json", "retry-after": "2" });
  response.end(JSON.stringify(error.body));
}

/** Whether this replica answered, or the caller went away; else nothing has been sent yet. */
function answered(
  replica: Replica,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): Promise<boolean> {
  Object.assign(request, { replica });
  return new Promise((settle) => {
    response.once("close", () => settle(true));
    proxy.web(
      request,
      response,
      { target: `http://127.0.0.1:${replica.port}`, buffer: Readable.from([body]) },
      () => {
        if (!response.destroyed && !response.headersSent) return settle(false);
        response.destroy();
        settle(true);
      },
    );
  });
}

/** Round robin over the serving replicas; over all while none serves, because they report their own state. */
function next(): Replica {
  const ready = replicas.filter((replica) => replica.ready);
  const among = ready.length > 0 ? ready : replicas;
  const replica = among[turn++ % among.length];
  if (replica === undefined) throw new Error("REPLICAS must be at least 1");
  return replica;
}

function refusal(): { status: number; body: object } {
  const error = new RosaError("gpu_unavailable", "No replica of the GPU service answers");
  return { status: error.status, body: error.body() };
}

/** Runs one replica for as long as this process runs. */
async function keepServing(replica: Replica): Promise<void> {
  void watchHealth(replica);
  while (!stopping) {
    const child = spawn(process.execPath, [main], {
      stdio: "inherit",
      env: {
        ...process.env,
        GPU_HOST: "127.0.0.1",
        GPU_PORT: String(replica.port),
        PARENT_PID: String(process.pid),
      },
    });
    children.set(replica, child);
    const [code, signal] = await once(child, "exit");
    children.delete(replica);
    replica.ready = false;
    if (stopping) return;
    console.error(`Replica ${replica.name} ended (${code ?? signal}).`);
    await sleep(restartMs);
  }
}

async function watchHealth(replica: Replica): Promise<void> {
  while (!stopping) {
    replica.ready = await fetch(`http://127.0.0.1:${replica.port}/health`, {
      signal: AbortSignal.timeout(5_000),
    }).then(
      async (response) => {
        await response.body?.cancel();
        return response.ok;
      },
      () => false,
    );
    await sleep(healthCheckMs);
  }
}

/** Lets every replica finish its work. */
async function stop(): Promise<void> {
  if (stopping) process.exit(1);
  stopping = true;
  server.close();
  const running = [...children.values()];
  for (const child of running) child.kill("SIGTERM");
  const over = sleep(stopMs, undefined, { ref: false });
  await Promise.race([Promise.all(running.map((child) => once(child, "exit"))), over]);
  process.exit(0);
}
