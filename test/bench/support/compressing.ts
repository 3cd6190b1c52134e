/** Compresses answers on their way, as Cloudflare does between a Worker and a browser; the local runtime does not. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ReadableStream } from "node:stream/web";
import { createGzip } from "node:zlib";

const compressible = /^(?:text\/(?!event-stream)|application\/(?:json|javascript)|image\/svg)/;
/** Headers of one connection, or of a body as it travels on it; fetch has decoded the body already. */
const own = new Set([
  ...["connection", "content-encoding", "content-length", "host", "transfer-encoding"],
]);

/** A server in front of `url`; its answers are the same, compressed. */
export async function compressing(url: string): Promise<{ url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const { method = "GET", headers } = request;
    const answer = await fetch(`${url}${request.url}`, {
      method,
      headers: Object.entries(headers).flatMap(([name, value]): [string, string][] =>
        own.has(name) ? [] : [[name, String(value)]],
      ),
      redirect: "manual",
      ...(method === "GET" || method === "HEAD" ? {} : { body: await text(request) }),
    });
    const zips =
      compressible.test(answer.headers.get("content-type") ?? "") &&
      String(headers["accept-encoding"]).includes("gzip");
    response.writeHead(answer.status, {
      ...Object.fromEntries([...answer.headers].filter(([name]) => !own.has(name))),
      ...(zips ? { "content-encoding": "gzip" } : {}),
    });
    if (answer.body === null) {
      response.end();
      return;
    }
    const body = Readable.fromWeb(answer.body as ReadableStream);
    (zips ? body.pipe(createGzip()) : body).pipe(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
