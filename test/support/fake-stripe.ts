/**
 * A small working stand-in for Stripe's meter events. It takes form bodies, counts each identifier once and adds up by
 * customer. It can be told to fail for a customer. It bills nobody.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { MeterEvent, StripeTrouble } from "./fake-stripe-events.ts";

export class FakeStripe {
  readonly #key: string;
  readonly #server: Server;
  readonly #events = new Map<string, MeterEvent>();
  readonly #troubles = new Map<string, StripeTrouble>();

  constructor(key: string) {
    this.#key = key;
    this.#server = createServer(async (request, response) => {
      const url = new URL(request.url ?? "/", "http://fake");
      let text = "";
      for await (const chunk of request) text += chunk;
      const answer = (status: number, body: unknown) => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      };
      const customer = url.searchParams.get("customer") ?? "";
      if (url.pathname === "/__trouble") {
        this.#troubles.set(customer, text as StripeTrouble);
        return answer(200, {});
      }
      if (url.pathname === "/__events") {
        return answer(
          200,
          [...this.#events.values()].filter((event) => event.customer === customer),
        );
      }
      if (url.pathname !== "/v1/billing/meter_events" || request.method !== "POST") {
        return answer(404, { error: { message: "no such route" } });
      }
      if (request.headers.authorization !== `Bearer ${this.#key}`) {
        return answer(401, { error: { message: "wrong key" } });
      }
      const form = new URLSearchParams(text);
      const field = (name: string) => form.get(name) ?? "";
      const event: MeterEvent = {
        event_name: field("event_name"),
        identifier: field("identifier"),
        timestamp: field("timestamp"),
        customer: field("payload[stripe_customer_id]"),
        value: Number(field("payload[value]")),
      };
      const trouble = this.#troubles.get(event.customer);
      if (trouble === "down") return answer(500, { error: { message: "try later" } });
      if (this.#events.has(event.identifier)) {
        return answer(400, {
          error: { message: `An event already exists with identifier ${event.identifier}.` },
        });
      }
      if (!Number.isInteger(event.value) || event.identifier === "" || event.customer === "") {
        return answer(400, { error: { message: "bad event" } });
      }
      this.#events.set(event.identifier, event);
      if (trouble === "lost") response.destroy();
      else answer(200, { object: "billing.meter_event", ...event });
    });
  }

  /** Starts on a free port of the loopback interface; it keeps no process alive. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#server.unref();
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
}
