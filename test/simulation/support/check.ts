/** What must hold of a session at rest, whatever happened on the way. */
import { expect } from "vitest";
import type { SessionDetail } from "../../../edge/src/contract/index.ts";
import { accountRows } from "../../edge/support/account.ts";
import { bindings, type Caller, readEvents, textOf } from "../../edge/support/client.ts";

interface Lineage {
  active: string;
  data: { id: string; index: number; parent: string; digest: string; feedback_id: string }[];
}

/** Asserts every invariant; gives the session's own state for further checks. */
export async function expectSound(caller: Caller, id: string): Promise<SessionDetail> {
  const session = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
  expect(session.turns.map(({ index }) => index)).toEqual(session.turns.map((_, i) => i));
  expect(session.turns.filter(({ status }) => status === "running")).toEqual([]);
  expect(session.feedback.filter(({ status }) => status !== "done")).toEqual([]);
  await expectOneGenerationPerUpdate(caller, session);
  await expectLogsTellOnce(caller, session);
  await expectMeteredOnce(caller, session);
  await expectWebhooksToldOnce(caller, session);
  const [index] = await accountRows<object>(
    caller.tenantId,
    "SELECT turns, generation FROM session_index WHERE id = ?",
    id,
  );
  expect(index).toEqual({ turns: session.turns.length, generation: session.generation });
  return session;
}

async function expectOneGenerationPerUpdate(caller: Caller, session: SessionDetail): Promise<void> {
  const { active, data } = await caller.get<Lineage>(`/v1/sessions/${session.id}/generations`);
  const updated = session.feedback.filter(({ weights }) => weights?.decision === "updated");
  expect(data.map(({ feedback_id }) => feedback_id).toSorted()).toEqual(
    updated.map(({ id }) => id).toSorted(),
  );
  expect(data.map(({ index }) => index)).toEqual(data.map((_, i) => i + 1));
  const known = new Set(["base", ...data.map(({ id }) => id)]);
  expect(known.has(active)).toBe(true);
  for (const { parent } of data) expect(known.has(parent)).toBe(true);
  for (const { digest } of data) {
    expect(await bindings.ADAPTERS.head(`adapters/${caller.tenantId}/${digest}`)).not.toBeNull();
  }
  const [held] = await accountRows<{ held: number; counted: number }>(
    caller.tenantId,
    `SELECT (SELECT coalesce(sum(bytes), 0) FROM adapter_refs) AS held,
            (SELECT adapter_bytes FROM account) AS counted`,
  );
  expect(held?.counted).toBe(held?.held);
}

/** Each reply's log gives the stored reply; each feedback's events come once. */
async function expectLogsTellOnce(caller: Caller, session: SessionDetail): Promise<void> {
  for (const turn of session.turns) {
    const path = `/v1/sessions/${session.id}/turns/${turn.id}/events`;
    const events = await readEvents(await caller.fetch(path));
    const count = (event: string) => events.filter((one) => one.event === event).length;
    expect(textOf(events)).toBe(turn.reply);
    expect([count("turn"), count("done")]).toEqual([1, 1]);
    const told = session.feedback.filter(({ turn_id }) => turn_id === turn.id).length;
    expect([count("words"), count("weights"), count("feedback")]).toEqual([told, told, told]);
    const takenBack = session.feedback.filter(
      ({ turn_id, rolled_back }) => turn_id === turn.id && rolled_back !== null,
    );
    expect(count("rolled_back")).toBe(takenBack.length);
    const ids = events.map((event) => event.id ?? 0);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
  }
}

/** The account's figures of a session equal the session's own, and no money is set aside for it any more. */
async function expectMeteredOnce(caller: Caller, session: SessionDetail): Promise<void> {
  const { tenantId } = caller;
  const [usage] = await accountRows<Record<string, number>>(
    tenantId,
    `SELECT sum(replies) AS replies, sum(adaptations_accepted) AS accepted, sum(cost_nanos) AS cost,
            sum(prompt_tokens) AS prompt, sum(completion_tokens) AS written
     FROM usage WHERE session_id = ?`,
    session.id,
  );
  const cost = Math.round(session.totals.cost.usd * 1e9);
  expect(usage).toEqual({
    replies: session.turns.length,
    accepted: session.totals.generations,
    cost,
    prompt: session.totals.prompt_tokens,
    written: session.totals.completion_tokens,
  });
  const [money] = await accountRows<Record<string, number>>(
    tenantId,
    `SELECT (SELECT coalesce(sum(spent_nanos), 0) FROM spend) AS spent,
            (SELECT coalesce(sum(granted_nanos - settled_nanos), 0) FROM leases) AS leased`,
  );
  expect(money).toEqual({ spent: cost, leased: 0 });
}

/** Nobody accepts messages, so all wait: one for each generation, one for each roll-back. */
async function expectWebhooksToldOnce(caller: Caller, session: SessionDetail): Promise<void> {
  const [hooks] = await accountRows<{ n: number }>(
    caller.tenantId,
    "SELECT count(*) AS n FROM webhooks",
  );
  if (hooks?.n === 0) return;
  const rows = await accountRows<{ body: string }>(caller.tenantId, "SELECT body FROM messages");
  const told = (type: string) =>
    rows
      .map(({ body }) => JSON.parse(body) as { type: string; data: { feedback_id: string } })
      .filter((message) => message.type === type)
      .map(({ data }) => data.feedback_id)
      .toSorted();
  const of = (which: (feedback: SessionDetail["feedback"][number]) => boolean) =>
    session.feedback
      .filter(which)
      .map(({ id }) => id)
      .toSorted();
  expect(told("adaptation.updated")).toEqual(of(({ weights }) => weights?.decision === "updated"));
  expect(told("adaptation.rolled_back")).toEqual(of(({ rolled_back }) => rolled_back !== null));
}
