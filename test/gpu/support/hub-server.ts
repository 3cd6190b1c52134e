/**
 * A small hub on loopback: the routes of the Hugging Face hub that a download needs, from files in memory, with a
 * network's failures. Like the real hub, it sends large files from another address.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Files from this size on are LFS files. */
const lfsFrom = 2_000;
const pageSize = 4;

export interface ListedFile {
  type: string;
  path: string;
  size: number;
  oid: string;
  lfs?: { oid: string; size: number; pointerSize: number };
}

interface Commit {
  files: Map<string, Uint8Array>;
  /** Added to the list as they are, without content. */
  alsoListed: object[];
}

export interface HubRequest {
  path: string;
  range: string | undefined;
  authorization: string | undefined;
  from: "hub" | "storage";
}

export class HubServer {
  /** Requests, in order. */
  readonly requests: HubRequest[] = [];
  /** If set, requests to the hub need it. */
  token: string | null = null;
  /** Answers every request to the hub with this status. */
  refuseWith: number | null = null;
  /** Statuses of the next answers of the storage. */
  readonly failures: number[] = [];
  /** Content bytes after which the storage's next answers are cut off; one entry for each answer. */
  readonly cuts: number[] = [];
  /** The next answer of the storage stops sending after this many bytes and stays open. */
  stallAfter: number | null = null;
  ignoresRange = false;
  /** Changes the sent bytes, not the list. */
  corrupt: (name: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes;

  #held: Promise<void> = Promise.resolve();
  readonly #commits = new Map<string, Commit>();
  readonly #refs = new Map<string, string>();
  readonly #hub: Server;
  readonly #storage: Server;

  constructor() {
    this.#hub = createServer((request, response) => this.#answerHub(request, response));
    this.#storage = createServer(async (request, response) => {
      await this.#held;
      this.#answerStorage(request, response);
    });
  }

  async listen(): Promise<this> {
    for (const server of [this.#hub, this.#storage])
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  /** Adds a commit and points the revision at it. */
  commit(
    model: string,
    files: Record<string, string | Uint8Array>,
    { revision = "main", alsoListed = [] as object[] } = {},
  ): string {
    const contents = new Map(
      Object.entries(files).map(([name, content]) => [
        name,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      ]),
    );
    const names = [...contents].map(([name, bytes]) => name + sha("sha1", bytes));
    const id = sha("sha1", new TextEncoder().encode(model + names.join()));
    this.#commits.set(`${model}@${id}`, { files: contents, alsoListed });
    this.#refs.set(`${model}@${revision}`, id);
    this.#refs.set(`${model}@${id}`, id);
    return id;
  }

  /** Holds the storage's answers back until the returned function is called. */
  hold(): () => void {
    let release = () => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  /** Requested paths, without their queries. */
  get paths(): string[] {
    return this.requests.map(({ path }) => path.replace(/\?.*/, ""));
  }

  /** Requests for the content of a file. */
  contentRequests(name: string): HubRequest[] {
    return this.requests.filter(
      ({ path, from }) => from === "storage" && path.endsWith(`/${name}`),
    );
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.endpoint);
    this.#record(request, "hub");
    if (this.refuseWith !== null) {
      fail(response, this.refuseWith, "refused");
      return;
    }
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) {
      fail(response, 401, "Invalid username or password.");
      return;
    }

    const api = url.pathname.match(/^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)$/);
    if (api) {
      const [, model = "", route, revision = ""] = api;
      const id = this.#refs.get(`${model}@${decodeURIComponent(revision)}`);
      if (id === undefined) {
        fail(response, 404, this.#whatIsMissing(model, revision));
        return;
      }
      if (route === "revision") {
        json(response, { _id: "0", id: model, sha: id });
        return;
      }
      this.#list(response, `${model}@${id}`, url);
      return;
    }
    const file = url.pathname.match(/^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/);
    if (file) {
      const [, model = "", id = "", name = ""] = file;
      if (!this.#commits.get(`${model}@${id}`)?.files.has(name)) {
        fail(response, 404, "Entry not found");
        return;
      }
      const { port } = this.#storage.address() as AddressInfo;
      // Another host name, to which a client must not send its token.
      const location = `http://localhost:${port}/${model}/${id}/${name}`;
      response.writeHead(302, { location }).end();
      return;
    }
    fail(response, 404, "Not found");
  }

  #answerStorage(request: IncomingMessage, response: ServerResponse): void {
    this.#record(request, "storage");
    const [, model = "", id = "", name = ""] =
      (request.url ?? "").match(/^\/([^/]+\/[^/]+)\/([^/]+)\/(.+)$/) ?? [];
    const status = this.failures.shift();
    if (status !== undefined) {
      fail(response, status, "storage fails");
      return;
    }
    const content = this.#commits.get(`${model}@${id}`)?.files.get(name);
    if (content === undefined) {
      fail(response, 404, "no such content");
      return;
    }
    const bytes = this.corrupt(name, content);
    const [, from, to] = request.headers.range?.match(/^bytes=(\d+)-(\d*)$/) ?? [];
    const isPart = from !== undefined && !this.ignoresRange;
    const start = isPart ? Number(from) : 0;
    const end = isPart && to ? Number(to) + 1 : bytes.length;
    const part = bytes.subarray(start, end);
    response.writeHead(isPart ? 206 : 200, {
      "content-length": part.length,
      ...(isPart ? { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` } : {}),
    });
    const cut = this.cuts.shift();
    if (cut !== undefined) {
      response.write(part.subarray(0, cut), () => response.destroy());
    } else if (this.stallAfter !== null) {
      response.write(part.subarray(0, this.stallAfter));
      this.stallAfter = null;
    } else {
      response.end(part);
    }
  }

  #list(response: ServerResponse, key: string, url: URL): void {
    const { files, alsoListed } = this.#commits.get(key)!;
    const listed = [...alsoListed, ...[...files].map(([path, bytes]) => listedFile(path, bytes))];
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const next = start + pageSize;
    if (next < listed.length) {
      url.searchParams.set("cursor", String(next));
      response.setHeader("link", `<${url.href}>; rel="next"`);
    }
    json(response, listed.slice(start, next));
  }

  #whatIsMissing(model: string, revision: string): string {
    const isKnown = [...this.#refs.keys()].some((key) => key.startsWith(`${model}@`));
    return isKnown ? `Invalid rev id: ${revision}` : "Repository not found";
  }

  #record(request: IncomingMessage, from: HubRequest["from"]): void {
    const { range, authorization } = request.headers;
    this.requests.push({ path: request.url ?? "", range, authorization, from });
  }
}

export function listedFile(path: string, bytes: Uint8Array): ListedFile {
  const header = new TextEncoder().encode(`blob ${bytes.length}\0`);
  const oid = sha("sha1", header, bytes);
  const file = { type: "file", path, size: bytes.length, oid };
  if (bytes.length < lfsFrom) return file;
  return { ...file, lfs: { oid: sha("sha256", bytes), size: bytes.length, pointerSize: 130 } };
}

function sha(algorithm: "sha1" | "sha256", ...parts: Uint8Array[]): string {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function json(response: ServerResponse, body: unknown): void {
  response.setHeader("content-type", "application/json").end(JSON.stringify(body));
}

function fail(response: ServerResponse, status: number, error: string): void {
  response.statusCode = status;
  json(response, { error });
}
