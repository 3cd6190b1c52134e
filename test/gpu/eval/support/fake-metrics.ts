/** The metrics page of a GPU service. Its memory grows by a mebibyte with each look, and the test sets its time. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { secretHeader } from "@rosa2/shared/protocol";

export async function serveMetrics(secret: string) {
  const state = { looks: 0, prefill: 1, decode: 2, background: 0 };
  const server = createServer((request, response) => {
    if (request.headers[secretHeader] !== secret) return response.writeHead(401).end();
    state.looks++;
    response.end(
      [
        "# HELP process_resident_memory_bytes Resident memory size in bytes.",
        "# TYPE process_resident_memory_bytes gauge",
        `process_resident_memory_bytes ${(100 + state.looks) * 1_048_576}`,
        `rosa2_step_seconds_sum{kind="prefill"} ${state.prefill}`,
        `rosa2_step_seconds_sum{kind="decode"} ${state.decode}`,
        `rosa2_step_seconds_sum{kind="background"} ${state.background}`,
        'rosa2_step_seconds_count{kind="decode"} 9',
      ].join("\n"),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, state, close: () => server.close().closeAllConnections() };
}
