import { afterEach, describe, expect, it, vi } from "vitest";
import { reportOf } from "../../edge/src/failure.ts";
import { appWith, newTenant, openSession } from "./support/client.ts";

const secret = "xylophone";

/** Lines that a request wrote. */
async function linesOf(work: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  const write = (...parts: unknown[]) => void lines.push(parts.map(String).join(" "));
  vi.spyOn(console, "log").mockImplementation(write);
  vi.spyOn(console, "error").mockImplementation(write);
  await work();
  vi.restoreAllMocks();
  return lines;
}

afterEach(() => void vi.restoreAllMocks());

describe("the log", () => {
  it("has one structured line a request, without content, keys or query", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const call = appWith({ LOG: "on" });
    const headers = {
      authorization: `Bearer ${caller.key}`,
      "content-type": "application/json",
      "x-request-id": "mine-1",
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    const post = (path: string, body: object) =>
      call(path, { method: "POST", headers, body: JSON.stringify(body) }).then((r) => r.text());
    const lines = await linesOf(async () => {
      await post(`/v1/sessions/${id}/turns`, { content: secret });
      await post("/v1/chat/completions", {
        model: "fake-mini",
        messages: [{ role: "user", content: secret }],
        stream: true,
      });
      await post(`/v1/sessions/${id}/turns`, { content: secret, colour: secret });
      await call(`/v1/sessions?cursor=${secret}`, { headers });
      await call("/v1/sessions", { headers: { authorization: `Bearer ${secret}` } });
    });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        request_id: "mine-1",
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
        method: "POST",
        path: `/v1/sessions/${id}/turns`,
        status: 200,
        ms: expect.any(Number),
        tenant: caller.tenantId,
      },
      { path: "/v1/chat/completions", status: 200 },
      { status: 400, code: "invalid_request" },
      { status: 400, code: "invalid_request", path: "/v1/sessions" },
      { status: 401, code: "invalid_key" },
    ]);
    expect(lines.join("\n")).not.toMatch(new RegExp(`${secret}|rosa2_`));
  });

  it("logs a bug in the same line, with its place and without its data, even where LOG is off", async () => {
    const caller = await newTenant();
    const broken = {
      getByName: () => {
        throw new TypeError("The account has a hole");
      },
    };
    const call = appWith({ LOG: "off", ACCOUNTS: broken });
    let response: Response | undefined;
    const lines = await linesOf(async () => {
      response = await call("/v1/sessions", {
        headers: { authorization: `Bearer ${caller.key}` },
      });
    });
    expect(response?.status).toBe(500);
    expect(await response?.text()).not.toContain("hole");
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? "");
    expect(line).toMatchObject({ status: 500, code: "internal_error" });
    expect(line.error.message).toContain("hole");
    expect(line.error.stack[0]).toMatch(/^at /);
  });

  it("leaves out the parameters of a failed statement, and the text that a parser quotes", () => {
    const statement = Object.assign(
      new Error(`Failed query: insert into t values (?)\nparams: ${secret}`, {
        cause: new Error("D1_ERROR: no such table: t"),
      }),
      { query: "insert into t values (?)", params: [secret] },
    );
    expect(reportOf(statement).message).toBe("D1_ERROR: no such table: t");
    let parsing: unknown;
    try {
      JSON.parse(secret);
    } catch (error) {
      parsing = error;
    }
    expect(JSON.stringify([reportOf(statement), reportOf(parsing)])).not.toContain(secret);
    const [frame] = reportOf(new Error(`x\n    at ${secret}`)).stack;
    expect(frame).not.toContain(secret);
  });
});
