/** The panel beside the conversation: the session's figures, its curve, its generations, and what it learnt about words. */
import type { GenerationList, Session, WordsState } from "rosa2";
import { exampleOf } from "../examples.ts";
import { formatCount, formatNumber, formatPercent, formatTime, formatUsd } from "../format.ts";
import { nameOf } from "../parts/generation-name.ts";
import { Icon } from "../parts/icon.tsx";
import { draft } from "../state/comparison.ts";
import type { Conversation } from "../state/conversation.ts";
import { go } from "../state/route.ts";
import { save, transcriptOf } from "../state/transcript.ts";
import { learntIn } from "../summary.ts";
import { Plot } from "./plot.tsx";

export function SessionPanel({
  conversation,
  session,
}: {
  conversation: Conversation;
  session: Session;
}) {
  const generations = conversation.generations.value;
  const words = conversation.words.value;
  return (
    <aside class="panel" aria-label="What the session learnt">
      <dl class="totals">
        <div>
          <dt>Answers</dt>
          <dd>{nameOf(generations?.active ?? session.generation, generations?.data ?? [])}</dd>
        </div>
        <div>
          <dt>Replies</dt>
          <dd>{session.turns.length}</dd>
        </div>
        <div>
          <dt>Tokens</dt>
          <dd>{formatCount(session.totals.prompt_tokens + session.totals.completion_tokens)}</dd>
        </div>
        <div>
          <dt>Cost</dt>
          <dd>{formatUsd(session.totals.cost.usd)}</dd>
        </div>
      </dl>
      <Plot session={session} />
      {session.turns.length > 0 && (
        <button type="button" class="to-compare" onClick={() => compareLast(session)}>
          Compare the four ways on this request
        </button>
      )}
      {session.turns.length > 0 && (
        <button
          type="button"
          class="to-compare"
          onClick={() => save(`${session.id}.md`, transcriptOf(session))}
        >
          <Icon name="download" /> Transcript
        </button>
      )}
      {generations !== null && (
        <Lineage conversation={conversation} session={session} generations={generations} />
      )}
      {words !== null && <LearntWords conversation={conversation} words={words} />}
    </aside>
  );
}

/** Opens the comparison with the session's last request and the feedback on it, to try them in all modes. */
function compareLast({ turns, feedback }: Session): void {
  const request = turns.at(-1)?.content ?? "";
  const example = exampleOf(request)?.example;
  const tries = turns.filter(({ content }) => content === request).map(({ id }) => id);
  const said = feedback.filter(({ turn_id }) => tries.includes(turn_id));
  draft.value =
    example?.request === request
      ? example
      : {
          request,
          hint: said.find(({ text }) => text !== null)?.text ?? null,
          answer: said.findLast(({ correction }) => correction !== null)?.correction ?? "",
          next: null,
        };
  go({ page: "compare" });
}

function Lineage({
  conversation,
  session,
  generations: { active, data },
}: {
  conversation: Conversation;
  session: Session;
  generations: GenerationList;
}) {
  const busy = conversation.busy.value || conversation.pending.value !== null;
  const forkAt = (generation: string) =>
    session.turns.findLast(
      ({ generation: own, status }) =>
        own === generation && (status === "completed" || status === "stopped"),
    );
  const entries = [
    {
      id: "base",
      name: "base",
      learnt: "The model as it came.",
      facts: null,
      at: session.created_at,
    },
    ...data.map((one) => ({
      id: one.id,
      name: `g${one.index}`,
      learnt: learntIn(one, session),
      facts: `from ${nameOf(one.parent, data)} · step ${formatNumber(one.step_norm)} · KL ${formatNumber(one.kl)}`,
      at: one.created_at,
    })),
  ];
  return (
    <section aria-labelledby="generations">
      <h2 id="generations">What each generation learnt</h2>
      <ol class="lineage">
        {entries.map(({ id, name, learnt, facts, at }) => {
          const turn = forkAt(id);
          const isActive = id === active;
          const isBack = rollsBack(id, active, data);
          return (
            <li key={id} data-active={isActive} aria-current={isActive ? "true" : undefined}>
              <p>
                <b>{name}</b> {isActive && <span class="active">answers now</span>}
                <time dateTime={at}>{formatTime(at)}</time>
              </p>
              <p class="lineage-learnt">{learnt}</p>
              {facts !== null && <p class="lineage-facts">{facts}</p>}
              <div class="lineage-actions">
                {!isActive && (
                  <button type="button" disabled={busy} onClick={() => conversation.activate(id)}>
                    <Icon name={isBack ? "undo" : "right"} /> {isBack ? "Roll back" : "Use"}
                    <span class="hidden">
                      {isBack ? " to " : " "}
                      {name}
                    </span>
                  </button>
                )}
                {turn !== undefined && (
                  <button
                    type="button"
                    disabled={busy}
                    onClick={async () => {
                      const forked = await conversation.fork(turn.id);
                      if (forked !== null) go({ page: "session", id: forked });
                    }}
                  >
                    <Icon name="fork" /> Fork<span class="hidden"> at {name}</span>
                  </button>
                )}
                {id !== "base" && (
                  <button type="button" onClick={() => conversation.download(id)}>
                    <Icon name="download" /> PEFT<span class="hidden"> adapter of {name}</span>
                  </button>
                )}
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function rollsBack(id: string, active: string, data: GenerationList["data"]): boolean {
  const indexOf = (name: string) => data.find((one) => one.id === name)?.index ?? 0;
  return indexOf(id) < indexOf(active);
}

function LearntWords({ conversation, words }: { conversation: Conversation; words: WordsState }) {
  const { constraints, senses, undoable } = words;
  if (constraints.length === 0 && senses.length === 0) return null;
  return (
    <section aria-labelledby="learnt">
      <h2 id="learnt">Learnt about your words</h2>
      {constraints.length > 0 && (
        <ul class="learnt">
          {constraints.map(({ id, text, scope }) => (
            <li key={id}>
              <span>
                {text} <small>{scope === "session" ? "from now on" : "this request"}</small>
              </span>
              <button
                type="button"
                class="icon-button"
                onClick={() => conversation.deleteConstraint(id)}
              >
                <Icon name="wrong" />
                <span class="hidden">Withdraw “{text}”</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {senses.length > 0 && (
        <ul class="learnt">
          {senses.map(({ id, readings }) => (
            <li key={id}>
              <span>
                <b>{id}</b>{" "}
                {Object.entries(readings)
                  .sort(([, a], [, b]) => b - a)
                  .filter(([, belief], index) => index === 0 || belief >= 0.01)
                  .map(([reading, belief]) => `${reading} ${formatPercent(belief)}`)
                  .join(", ")}
              </span>
              <button
                type="button"
                class="icon-button"
                onClick={() => conversation.forgetSense(id)}
              >
                <Icon name="wrong" />
                <span class="hidden">Forget what “{id}” means</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {undoable > 0 && (
        <button type="button" onClick={() => conversation.undoWords()}>
          <Icon name="undo" /> Undo the last rewording
        </button>
      )}
    </section>
  );
}
