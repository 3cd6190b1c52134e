/**
 * What must hold of a conversation at rest, whatever died on the way. It asks the public API alone.
 *
 * `simulation/support/check.ts` checks the same in a session's own tables.
 */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  BudgetBody,
  FeedbackResult,
  GenerationBody,
  SessionDetail,
  SessionSummary,
  TurnBody,
  UsageReport,
} from "../../edge/src/contract/index.ts";
import type { Caller } from "./caller.ts";
import type { Conversation } from "./conversation.ts";

/** Feedback that was left undone waits for a lease to end. Money that was set aside waits for a message to the account. */
const restMsMax = 120_000;

interface Lineage {
  active: string;
  data: GenerationBody[];
}

/** Every invariant of one conversation; it asks one more turn. Throws with what differs. */
export async function expectSound(caller: Caller, conversation: Conversation): Promise<void> {
  const { before, now } = await untilQuiet(caller, conversation);
  const session = await caller.get<SessionDetail>(conversation.path);
  const lineage = await caller.get<Lineage>(`${conversation.path}/generations`);
  expectWholeHistory(session, conversation);
  expectOneGenerationPerUpdate(session, lineage);
  assert.equal(now.generation, lineage.active, "the active generation answers");
  if (before.generation === now.generation && before.prompt === now.prompt) {
    assert.equal(now.reply, before.reply, "the same generation says the same again");
  }
  await expectLogsTellOnce(caller, session);
  await expectKeysAnswer(caller, session, conversation);
  await expectPaidOnce(caller, session);
}

/** Waits until no work is under way, then asks the last request again. */
async function untilQuiet(caller: Caller, conversation: Conversation) {
  await eventually("the session rests", async () => {
    const { turns, feedback } = await caller.get<SessionDetail>(conversation.path);
    assert.deepEqual(
      [
        turns.filter(({ status }) => status === "running").map(({ id }) => id),
        feedback.filter(({ status }) => status !== "done").map(({ id }) => id),
      ],
      [[], []],
    );
  });
  return await conversation.askAgain();
}

/** Each request is stored once, in order, with the answer that was given. */
function expectWholeHistory(session: SessionDetail, { turns, feedback }: Conversation): void {
  assert.deepEqual(
    session.turns.map(({ index }) => index),
    session.turns.map((_, i) => i),
  );
  assert.deepEqual(
    session.turns.filter(({ status }) => status !== "completed"),
    [],
  );
  const isAsked = ({ retry_of }: TurnBody) => retry_of === null;
  assert.deepEqual(session.turns.filter(isAsked), turns.filter(isAsked), "turns");
  const retries = session.turns.filter((turn) => !isAsked(turn)).map(({ id }) => id);
  for (const turn of turns.filter((turn) => !isAsked(turn)))
    assert.ok(retries.includes(turn.id), `retry ${turn.id} is kept`);
  assert.deepEqual(
    session.feedback.map(({ id, turn_id }) => ({ id, turnId: turn_id })),
    feedback,
    "feedback",
  );
}

function expectOneGenerationPerUpdate(session: SessionDetail, { active, data }: Lineage): void {
  const updated = session.feedback.filter(({ weights }) => weights?.decision === "updated");
  assert.deepEqual(
    data.map(({ feedback_id }) => feedback_id).toSorted(),
    updated.map(({ id }) => id).toSorted(),
    "generations",
  );
  assert.deepEqual(
    data.map(({ id }) => id).toSorted(),
    updated.map(({ weights }) => weights?.generation).toSorted(),
  );
  assert.equal(session.generation, active);
  const latest = data.toSorted((a, b) => a.index - b.index).at(-1);
  assert.equal(active, latest?.id ?? "base", "the newest generation is active");
  const known = new Set(["base", ...data.map(({ id }) => id)]);
  for (const { generation } of session.turns) assert.ok(known.has(generation), generation);
  for (const { parent } of data) assert.ok(known.has(parent), parent);
}

/** Each turn's log reads as the turn is stored, told once. */
async function expectLogsTellOnce(caller: Caller, session: SessionDetail): Promise<void> {
  for (const turn of session.turns) {
    const events = await caller.events(`/v1/sessions/${session.id}/turns/${turn.id}/events`);
    const ids = events.map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...new Set(ids)].toSorted((a, b) => a - b),
      "event ids",
    );
    let text = "";
    for (const { event, data } of events) {
      if (event === "reset") text = "";
      if (event === "delta") text += (data as { text: string }).text;
    }
    assert.equal(text, turn.reply, `the log of ${turn.id}`);
    const judged = session.feedback.filter(({ turn_id }) => turn_id === turn.id).length;
    const count = (name: string) => events.filter(({ event }) => event === name).length;
    assert.deepEqual(
      ["turn", "done", "words", "weights", "feedback"].map(count),
      [1, 1, judged, judged, judged],
      `the log of ${turn.id}`,
    );
  }
}

/** Every answered call gives the same answer once more, and makes nothing. */
async function expectKeysAnswer(
  caller: Caller,
  session: SessionDetail,
  { calls, path }: Conversation,
): Promise<void> {
  for (const call of calls) {
    const answer = call.streams
      ? (
          await caller.stream<TurnBody | FeedbackResult>(
            call.path,
            call.body,
            call.key,
            () => false,
          )
        ).done
      : await caller.post<TurnBody | FeedbackResult>(call.path, call.body, call.key);
    assert.equal(answer.id, call.id, `the answer to ${call.key}`);
    if (answer.object === "turn") {
      assert.deepEqual(
        answer,
        session.turns.find(({ id }) => id === answer.id),
      );
    }
  }
  const { totals } = await caller.get<SessionDetail>(path);
  assert.deepEqual(totals, session.totals, "repeated keys make nothing");
}

/** The account's figures of the session equal the sum of its answers, and no money stays set aside. */
async function expectPaidOnce(caller: Caller, session: SessionDetail): Promise<void> {
  const costs = [...session.turns, ...session.feedback].map(({ cost }) => cost.usd);
  assert.equal(nanos(session.totals.cost.usd), nanos(sum(costs)), "the session's own total");
  await eventually("the account knows everything", async () => {
    const { data } = await caller.get<UsageReport>("/v1/usage?group_by=session&limit=1000");
    const row = data.find(({ group }) => group === session.id);
    assert.deepEqual(
      {
        replies: row?.replies,
        accepted: row?.adaptations_accepted,
        cost: nanos(row?.cost.usd ?? 0),
        prompt: row?.prompt_tokens,
        written: row?.completion_tokens,
      },
      {
        replies: session.turns.length,
        accepted: session.totals.generations,
        cost: nanos(session.totals.cost.usd),
        prompt: session.totals.prompt_tokens,
        written: session.totals.completion_tokens,
      },
      "usage",
    );
    const budget = await caller.get<BudgetBody>("/v1/budget");
    assert.deepEqual(
      { spent: nanos(budget.spent_usd), reserved: nanos(budget.reserved_usd) },
      { spent: nanos(sum(data.map(({ cost }) => cost.usd))), reserved: 0 },
      "budget",
    );
    const { data: sessions } = await caller.get<{ data: SessionSummary[] }>(
      "/v1/sessions?limit=100",
    );
    const { name } = session.metadata;
    const named = sessions.filter(({ metadata }) => metadata.name === name);
    assert.deepEqual(
      named.map(({ id, turn_count, generation }) => ({ id, turn_count, generation })),
      [{ id: session.id, turn_count: session.turns.length, generation: session.generation }],
      "the list of sessions",
    );
  });
}

/** Tries until it holds. Throws the last failure. */
export async function eventually(what: string, check: () => Promise<void>): Promise<void> {
  const until = Date.now() + restMsMax;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof assert.AssertionError)) throw error;
      if (Date.now() > until)
        throw new Error(`Not so in ${restMsMax} ms: ${what}`, { cause: error });
    }
    await sleep(300);
  }
}

export function nanos(usd: number): number {
  return Math.round(usd * 1e9);
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
