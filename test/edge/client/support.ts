/** The client on the real Worker, and a network between them that can be told to break. */
import { Rosa2 } from "rosa2";
import { type Caller, newTenant, worker } from "../support/client.ts";

export interface Sent {
  method: string;
  path: string;
  headers: Headers;
}

export interface Fault {
  /** Breaks the body after so many bytes; 0 gives no answer at all. */
  afterBytes: number;
  /** Ends the body in good order instead of breaking it. */
  clean?: boolean;
  /** Says nothing more instead of breaking; with `afterBytes: 0`, not even headers. */
  silent?: boolean;
  /** An answer that replaces the server's, although the server got the request. */
  instead?: () => Response;
}

export interface Network {
  /** One entry for each request, in order. Requests after the last entry are not disturbed. */
  faults: (Fault | null)[];
  sent: Sent[];
}

export async function newClient(
  options: Partial<ConstructorParameters<typeof Rosa2>[0]> = {},
): Promise<{ caller: Caller; client: Rosa2; network: Network }> {
  const caller = await newTenant();
  const network: Network = { faults: [], sent: [] };
  const client = new Rosa2({
    baseUrl: "http://rosa2.test/",
    apiKey: caller.key,
    fetch: (input, init) => send(network, new Request(input as string, init)),
    ...options,
  });
  return { caller, client, network };
}

async function send(network: Network, request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const { method, headers } = request;
  network.sent.push({ method, path: pathname + search, headers });
  const fault = network.faults.shift() ?? null;
  if (fault?.afterBytes === 0 && fault.silent === true) await new Promise(() => {});
  if (fault?.afterBytes === 0 && fault.instead === undefined) throw new TypeError("network down");
  const response = await worker.fetch(request);
  if (fault?.instead !== undefined) return fault.instead();
  if (fault === null || response.body === null) return response;
  return new Response(broken(response.body, fault), response);
}

function broken(body: ReadableStream<Uint8Array>, fault: Fault): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let left = fault.afterBytes;
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      controller.enqueue(value.slice(0, left));
      left -= value.length;
      if (left > 0) return;
      await reader.cancel();
      if (fault.silent === true) await new Promise(() => {});
      if (fault.clean === true) controller.close();
      else controller.error(new TypeError("network lost"));
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** The Worker without a network between. */
export const toWorker: typeof fetch = (input, init) =>
  worker.fetch(new Request(input as string, init));
