/** Whether a correction can be learned, asked before it is given. */
import { describe, expect, it } from "vitest";
import type { ReachBody, SessionDetail, TurnBody } from "../../edge/src/contract/index.ts";
import { ask, type Caller, judge, newTenant, openSession } from "./support/client.ts";

const reachPath = ({ session_id, id }: TurnBody) => `/v1/sessions/${session_id}/turns/${id}/reach`;
const reach = (caller: Caller, turn: TurnBody, correction: string) =>
  caller.make<ReachBody>(reachPath(turn), { correction });

async function begin(body: object = {}): Promise<{ caller: Caller; turn: TurnBody }> {
  const caller = await newTenant();
  const { id } = await openSession(caller, body);
  return { caller, turn: await ask(caller, id, "Say hi") };
}

describe("a correction's reach", () => {
  it("is measured under the wording and the generation that answer now", async () => {
    const { caller, turn } = await begin({ adaptation: { mode: "weights" } });
    expect(await reach(caller, turn, "hi")).toEqual({
      object: "reach",
      turn_id: turn.id,
      verdict: "one_update",
      reason: "One correction can teach this.",
      updates_min: 1,
      logprob: -5,
      tokens: 1,
      total_tokens: 3,
      context_length: 512,
      owed_nats: 5,
      owed_nats_max: 64,
      in_bytes: [],
      unwritable: [],
    });
    const other = await ask(caller, turn.session_id, "Say hi");
    await judge(caller, turn.session_id, turn.id, { reward: -1, correction: "hi", wait: true });
    expect(await reach(caller, other, "hi")).toMatchObject({
      verdict: "settled",
      owed_nats: 0,
      updates_min: 0,
    });
  });

  it.each([
    [
      "what no token stands for",
      { unwritable: ["é", "ß"], in_bytes: ["😀"] },
      { verdict: "unwritable", updates_min: null },
      "The model cannot write “é”, “ß”: it has no token for it.",
    ],
    [
      "what is spelled in bytes",
      { in_bytes: ["é"] },
      { verdict: "one_update", updates_min: 1 },
      "One correction can teach this. It has no token for “é” and spells it in bytes.",
    ],
    [
      "what one update cannot reach",
      { owed_nats: 129 },
      { verdict: "several_updates", updates_min: 3 },
      "This is far from what the model would say: it takes at least 3 corrections.",
    ],
  ])("tells %s", async (_, told, expected, reason) => {
    const { caller, turn } = await begin();
    await caller.behave({ reach: told });
    expect(await reach(caller, turn, "hi")).toMatchObject({ ...expected, reason });
  });

  it("binds: what cannot be written is learned neither now nor by a later update, and costs nothing", async () => {
    const { caller, turn } = await begin({ adaptation: { mode: "weights" } });
    await caller.behave({ reach: { unwritable: ["é"] } });
    const said = { reward: -1, correction: "née", wait: true };
    const { weights, cost } = await judge(caller, turn.session_id, turn.id, said);
    expect(weights).toMatchObject({
      decision: "skipped",
      reason: "the model cannot write “é”: it has no token for it",
    });
    expect(cost.usd).toBe(0);
    await caller.behave({});
    const other = await ask(caller, turn.session_id, "Say bye");
    const learnable = { reward: -1, correction: "bye", wait: true };
    expect((await judge(caller, turn.session_id, other.id, learnable)).weights.decision).toBe(
      "updated",
    );
    const [update] = await caller.calls("/v1/adapt");
    expect(update?.rows.map(({ reply }) => reply)).toEqual(["bye"]);
  });

  it("says that the window does not hold the correction", async () => {
    const { caller, turn } = await begin();
    const error = { status: 400, code: "context_length_exceeded", message: "Cannot score 900" };
    await caller.behave({ error: { "/v1/score": error } });
    expect(await reach(caller, turn, "hi")).toMatchObject({
      verdict: "too_long",
      logprob: null,
      updates_min: null,
    });
  });

  it.each([
    ["words", "This session adapts its words alone: a correction helps to choose a wording."],
    ["off", "This session does not adapt: a correction teaches nothing."],
  ])("is not measured in mode %s, where the weights stay", async (mode, reason) => {
    const { caller, turn } = await begin({ adaptation: { mode } });
    expect(await reach(caller, turn, "hi")).toMatchObject({
      verdict: "fixed_weights",
      reason,
      logprob: null,
    });
    expect(await caller.calls("/v1/score")).toHaveLength(0);
  });

  it("changes nothing and costs nothing", async () => {
    const { caller, turn } = await begin();
    const path = `/v1/sessions/${turn.session_id}`;
    const before = await caller.get<SessionDetail>(path);
    await reach(caller, turn, "hi");
    expect(await caller.get<SessionDetail>(path)).toEqual(before);
    const usage = await caller.get<{ data: { gpu_ms: number }[] }>("/v1/usage");
    expect(usage.data[0]?.gpu_ms).toBe(2);
  });

  it("is refused for the reply itself, for nothing, for a turn of somebody else, and while the model is away", async () => {
    const { caller, turn } = await begin();
    const refusal = async (of: Caller, correction: string) => {
      const response = await of.post(reachPath(turn), { correction });
      const { error } = (await response.json()) as { error: { code: string; param?: string } };
      return [response.status, error.code, error.param];
    };
    expect(await refusal(caller, " echo: Say hi\n")).toEqual([
      ...[400, "invalid_request", "correction"],
    ]);
    expect(await refusal(caller, "  ")).toEqual([400, "invalid_request", "correction"]);
    expect(await refusal(await newTenant(), "hi")).toEqual([404, "not_found", undefined]);
    await caller.behave({ down: ["/v1/score"] });
    expect(await refusal(caller, "hi")).toEqual([503, "gpu_unavailable", undefined]);
  });
});
