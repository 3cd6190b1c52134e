/** A network that loses its signal once: the first streamed reply breaks off after its first piece of text. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

export interface CuttingProxy {
  url: string;
  /** The first lines of all requests so far. */
  requests: string[];
  close(): void;
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const requests: string[] = [];
  let cut = false;
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(target).port), "127.0.0.1");
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
    client.on("data", (data) => {
      requests.push(...(data.toString().match(/^\w+ \S+ HTTP\/1.1$/gm) ?? []));
      upstream.write(data);
    });
    upstream.on("data", (data) => {
      const text = data.toString("latin1");
      const delta = cut ? -1 : text.indexOf("event: delta");
      const ends = delta < 0 ? -1 : text.indexOf("\n\n", delta);
      if (ends < 0) {
        client.write(data);
      } else {
        cut = true;
        client.end(data.subarray(0, ends + 2));
        upstream.destroy();
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests, close: () => void server.close() };
}
