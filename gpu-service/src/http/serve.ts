/** An HTTP service as a process: listens, drains on a signal, ends with its parent. It does not know what is served. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Logger } from "pino";

/** Time for requests in flight to end after a signal. */
const graceMs = 30_000;
const parentCheckMs = 500;
/**
 * Idle connections stay open longer than callers and balancers keep theirs (usually 60 s). The side that sends the next
 * request must be the one that closes; otherwise that request meets a closed connection.
 */
const keepAliveMs = 75_000;

export interface Serving {
  fetch: Parameters<typeof createAdaptorServer>[0]["fetch"];
  host: string;
  port: number;
  logger: Logger;
  /** Process to end with. */
  parentPid: number | undefined;
  inFlight(): number;
  /** Refuses new work and waits for work in flight, at most this long. */
  drain(graceMs: number): Promise<void>;
}

/** Starts serving. The returned function ends the process for a reason of the caller's. */
export function serve(serving: Serving): (reason: string) => void {
  const { host, port, logger, parentPid } = serving;
  const server = createAdaptorServer({ fetch: serving.fetch }) as Server;
  server.keepAliveTimeout = keepAliveMs;
  let stopping = false;

  /** Lets requests in flight end, then the process. A second signal ends it at once. */
  const stop = async (code: number): Promise<void> => {
    if (stopping) process.exit(code || 1);
    stopping = true;
    logger.info({ in_flight: serving.inFlight() }, "stopping");
    server.close();
    await serving.drain(graceMs);
    server.closeAllConnections();
    logger.info("stopped");
    process.exit(code);
  };
  const fail = (reason: string): void => {
    logger.fatal(reason);
    void stop(1);
  };

  process.on("SIGTERM", () => void stop(0));
  process.on("SIGINT", () => void stop(0));
  if (parentPid !== undefined) {
    // However that process ended, this one gets another parent.
    setInterval(() => {
      if (process.ppid !== parentPid) void stop(0);
    }, parentCheckMs).unref();
  }
  server.on("error", (error: NodeJS.ErrnoException) => {
    fail(
      error.code === "EADDRINUSE"
        ? `Cannot listen on ${host}:${port}: the port is in use (set GPU_PORT)`
        : `Cannot listen on ${host}:${port}: ${error.message}`,
    );
  });
  server.listen(port, host, () => {
    const { address, port } = server.address() as AddressInfo;
    logger.info({ url: `http://${address}:${port}` }, "listening");
  });
  return fail;
}
