/** A client generated from /openapi.json: openapi-fetch over the types that openapi-typescript made of it, against the Worker. */
import createClient from "openapi-fetch";
import type { paths } from "rosa2";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { FeedbackResult, TurnBody } from "../../../edge/src/contract/index.ts";
import { newTenant, worker } from "../support/client.ts";

async function generatedClient() {
  const { key } = await newTenant();
  return createClient<paths>({
    baseUrl: "http://rosa2.test",
    headers: { authorization: `Bearer ${key}` },
    fetch: (request: Request) => worker.fetch(request as never) as unknown as Promise<Response>,
  });
}

describe("a generated client", () => {
  it("opens a session, asks, corrects and reads usage, each answer typed", async () => {
    const api = await generatedClient();
    const { data: session } = await api.POST("/v1/sessions", {
      body: { title: "generated", adaptation: { mode: "both" } },
    });
    const s = session?.id ?? "";
    const { data: turn } = await api.POST("/v1/sessions/{s}/turns", {
      params: { path: { s } },
      body: { content: "Say yes" },
    });
    expectTypeOf<NonNullable<typeof turn>>().toExtend<TurnBody>();
    expect(turn?.reply).toBe("echo: Say yes");
    const { data: judged } = await api.POST("/v1/sessions/{s}/turns/{t}/feedback", {
      params: { path: { s, t: turn?.id ?? "" } },
      body: { reward: -1, correction: "yes", retry: true },
    });
    expectTypeOf<NonNullable<typeof judged>>().toExtend<FeedbackResult>();
    expect(judged?.turn?.reply).toBe("yes");
    const { data: usage } = await api.GET("/v1/usage", {
      params: { query: { group_by: "session" } },
    });
    expect(usage?.data[0]?.adaptations_accepted).toBe(1);
  });

  it("gets errors in the type that the document gives them", async () => {
    const api = await generatedClient();
    const { error, response } = await api.GET("/v1/sessions/{s}", {
      params: { path: { s: "ses_none" } },
    });
    expect(response.status).toBe(404);
    expect(error?.error.code).toBe("not_found");
  });

  it("does not compile with what the document does not take", async () => {
    const api = await generatedClient();
    const { error } = await api.POST("/v1/sessions", {
      // @ts-expect-error there is no such mode
      body: { adaptation: { mode: "neither" } },
    });
    expect(error?.error.param).toBe("adaptation.mode");
  });
});
