/**
 * Runs a Worker built by build.ts in Cloudflare's runtime, directly on its port: a request takes the same way as on the
 * platform. Its databases stay in their folder. It does not know what the Worker does.
 *
 * The platform looks at its own edge whether a path is a file's or the Worker's (wrangler.toml, `[assets]`). The local
 * runtime does so in two Workers of its own before ours, which take more time than most of our requests: here the entry
 * itself decides. A call to another service on this machine likewise passes by the Worker that the local runtime puts
 * before all outgoing calls.
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
const inspectorPort = process.env.INSPECTOR_PORT;
const built = JSON.parse(readFileSync(join(folder, "worker.json"), "utf8"));
const files = readdirSync(folder);
const entry = files.filter((file) => file.endsWith(".js"));
const texts = files.filter((file) => file.endsWith(".sql"));
/** Paths that the Worker is asked for before the files are. */
const workersFirst = ((built.assets?.run_worker_first ?? []) as string[]).map((path) =>
  path.replace(/\*$/, ""),
);
const hasFiles = built.assets !== undefined;
const front = `
import { env, WorkerEntrypoint } from "cloudflare:workers";
import worker from "./${entry[0]}";
export * from "./${entry[0]}";
export { default } from "./${entry[0]}";

const reach = globalThis.fetch;
globalThis.fetch = (to, init) =>
  String(to.url ?? to).startsWith("http:") ? env.NETWORK.fetch(to, init) : reach(to, init);

const workersFirst = ${JSON.stringify(workersFirst)};

export class Front extends WorkerEntrypoint {
  fetch(request) {
    const isRead = request.method === "GET" || request.method === "HEAD";
    return isRead ? this.read(request) : worker.fetch(request, this.env, this.ctx);
  }
  async read(request) {
    const { pathname } = new URL(request.url);
    if (!workersFirst.some((path) => pathname.startsWith(path))) {
      const file = await this.env.FILES.fetch(request.clone());
      if (file.status !== 404) return file;
    }
    return worker.fetch(request, this.env, this.ctx);
  }
}
`;

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    host: "127.0.0.1",
    cf: false,
    // A debugger connects to this port, and the soak reads the size of the Worker's heap there.
    ...(inspectorPort === undefined ? {} : { inspectorPort: Number(inspectorPort) }),
    log: new Log(LogLevel.WARN),
    logRequests: false,
    resourcePersistencePath: join(databases, "v3"),
    workers: [
      {
        ...built,
        ...(hasFiles ? { assets: { ...built.assets, binding: "FILES" } } : {}),
        modulesRoot: folder,
        modules: [
          { type: "ESModule", path: join(folder, "front.mjs"), contents: front },
          ...entry.map((file) => ({ type: "ESModule", path: join(folder, file) }) as const),
          ...texts.map((file) => ({ type: "Text", path: join(folder, file) }) as const),
        ],
        bindings: { ...built.bindings, ...variables },
        serviceBindings: {
          ...built.serviceBindings,
          NETWORK: { network: { allow: ["public", "private"] } },
        },
        // Around the Worker that Miniflare puts in front, for tools of development.
        unsafeDirectSockets: [
          { host: "127.0.0.1", port, ...(hasFiles ? { entrypoint: "Front" } : {}) },
        ],
      },
    ],
  }),
);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void miniflare.dispose().finally(() => process.exit(0)));
}
await miniflare.ready;
console.log(`Listening on 127.0.0.1:${port}`);
