/**
 * Runs a Worker built by build.ts in Cloudflare's runtime, directly on its port: a request takes the same way as on the
 * platform. Its databases stay in their folder. It does not know what the Worker does.
 *
 * Miniflare restarts a runtime that ends.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

export interface WorkerRun {
  /** What build.ts has written. */
  folder: string;
  databases: string;
  port: number;
  /** Variables and secrets. */
  variables: Record<string, string>;
}

const { folder, databases, port, variables } = JSON.parse(
  process.env.WORKER_RUN ?? "",
) as WorkerRun;
const built = JSON.parse(readFileSync(join(folder, "worker.json"), "utf8"));
const files = readdirSync(folder);
const entry = files.filter((file) => file.endsWith(".js"));
const texts = files.filter((file) => file.endsWith(".sql"));

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    host: "127.0.0.1",
    cf: false,
    log: new Log(LogLevel.WARN),
    logRequests: false,
    resourcePersistencePath: join(databases, "v3"),
    workers: [
      {
        ...built,
        modulesRoot: folder,
        modules: [
          ...entry.map((file) => ({ type: "ESModule", path: join(folder, file) }) as const),
          ...texts.map((file) => ({ type: "Text", path: join(folder, file) }) as const),
        ],
        bindings: { ...built.bindings, ...variables },
        // Around the Worker that Miniflare puts in front, for tools of development.
        unsafeDirectSockets: [{ host: "127.0.0.1", port }],
      },
    ],
  }),
);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void miniflare.dispose().finally(() => process.exit(0)));
}
await miniflare.ready;
console.log(`Listening on 127.0.0.1:${port}`);
