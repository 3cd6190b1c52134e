/**
 * A tenant's own server, as webhooks call it. It notes the headers and the body of every message at `/hooks/<name>`,
 * and answers as it was told. It does not verify signatures; the tests do.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** How a receiver answers; `lost` takes a message and breaks off before its answer. */
export type ReceiverMood = number | "lost" | "silent";

export interface ReceivedMessage {
  headers: Record<string, string>;
  body: string;
}

export class FakeReceiver {
  readonly #server: Server;
  readonly #received = new Map<string, ReceivedMessage[]>();
  readonly #moods = new Map<string, ReceiverMood>();

  constructor() {
    this.#server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const [, kind, name = ""] = (request.url ?? "").split("/");
      const received = this.#received.get(name) ?? [];
      if (kind === "received") {
        response.end(JSON.stringify(received));
      } else if (kind === "mood") {
        this.#moods.set(name, JSON.parse(body) as ReceiverMood);
        response.end();
      } else {
        const headers = request.headers as Record<string, string>;
        this.#received.set(name, [...received, { headers, body }]);
        const mood = this.#moods.get(name) ?? 204;
        if (mood === "silent") return;
        if (mood === "lost") response.destroy();
        else response.writeHead(mood, { location: `/hooks/${name}-elsewhere` }).end();
      }
    });
  }

  /** Starts on a free port of the loopback interface; it keeps no process alive. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#server.unref();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
}
