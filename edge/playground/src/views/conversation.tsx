/** A session: the transcript with what each piece of feedback changed, and beside it what was learnt. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { FeedbackRecord, Session, Turn } from "rosa2";
import { exampleOf } from "../examples.ts";
import { formatCount } from "../format.ts";
import { Choice } from "../parts/choice.tsx";
import { nameOf } from "../parts/generation-name.ts";
import type { Conversation } from "../state/conversation.ts";
import { explainCode } from "../state/failure.ts";
import { windowTokens } from "../state/health.ts";
import { go, hrefOf } from "../state/route.ts";
import { ChangeView } from "./change.tsx";
import { Composer } from "./composer.tsx";
import { JudgeView } from "./judge.tsx";
import { SessionPanel } from "./panel.tsx";
import { SessionsBeside } from "./sessions.tsx";
import { TurnView } from "./turn.tsx";

/** Whoever has scrolled up this far is reading and is left alone. */
const readingPx = 120;

export function ConversationView({ conversation }: { conversation: Conversation }) {
  const [pane, setPane] = useState<"talk" | "panel">("talk");
  const session = conversation.session.value;
  if (conversation.missing.value) return <Missing />;
  if (session === null) {
    return (
      <main id="main" class="conversation" tabIndex={-1} aria-busy="true">
        <p class="loading">Reading the session …</p>
      </main>
    );
  }
  return (
    <main id="main" class="conversation" data-pane={pane} tabIndex={-1}>
      <h1 class="hidden">{session.title ?? "Session"}</h1>
      <div class="panes">
        <Choice
          label="Show"
          name="pane"
          options={[
            { value: "talk", text: "Conversation" },
            { value: "panel", text: "What it learnt" },
          ]}
          value={pane}
          onChange={setPane}
        />
      </div>
      <div class="talk">
        <Transcript conversation={conversation} session={session} />
        <div class="talk-foot">
          <Sequel conversation={conversation} session={session} />
          <Composer
            busy={conversation.busy.value}
            place={conversation.id}
            unsent={conversation.unsent.value}
            onSend={(content) => void conversation.ask(content)}
            {...(conversation.running.value === null ? {} : { onStop: () => conversation.stop() })}
          />
        </div>
      </div>
      <SessionPanel conversation={conversation} session={session} />
      <SessionsBeside current={session.id} turns={session.turns.length} />
    </main>
  );
}

function Missing() {
  return (
    <main id="main" class="start" tabIndex={-1}>
      <h1>There is no such session</h1>
      <p class="lead">It may have been erased, or it belongs to another account.</p>
      <p>
        <a href={hrefOf({ page: "start" })}>Start a new one</a>
      </p>
    </main>
  );
}

function Transcript({ conversation, session }: { conversation: Conversation; session: Session }) {
  const scroller = useRef<HTMLDivElement>(null);
  const reading = useRef(false);
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box !== null && !reading.current) box.scrollTop = box.scrollHeight;
  });
  const generations = conversation.generations.value?.data ?? [];
  const latest = session.turns.at(-1);
  const sending = conversation.sending.value;
  const tries = triesOf(session.turns);
  const canJudge = !conversation.busy.value && conversation.pending.value === null;
  return (
    <section
      class="transcript"
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label="Conversation"
      onScroll={({ currentTarget: box }) => {
        reading.current = box.scrollHeight - box.scrollTop - box.clientHeight > readingPx;
      }}
    >
      <div class="transcript-inner">
        <p class="session-facts">
          {hasOwnTitle(session) && (
            <>
              <b>{session.title}</b> ·{" "}
            </>
          )}
          {adapting[session.mode]}
          {session.forked_from !== null && (
            <>
              {" "}
              · <a href={hrefOf({ page: "session", id: session.forked_from })}>forked</a>
            </>
          )}
          <Window session={session} />
        </p>
        {session.instructions !== null && <p class="instructions-said">{session.instructions}</p>}
        <ol class="turns">
          {session.turns.map((turn) => (
            <li key={turn.id}>
              <TurnView
                turn={turn}
                generationName={nameOf(turn.generation, generations)}
                failure={conversation.failures.value[turn.id] ?? failureOf(turn)}
                tries={tries.get(turn.id) ?? []}
                onRetry={() => conversation.retry(turn.id)}
                onEdit={() => takeBack(turn.content)}
                onBranch={
                  canJudge
                    ? async () => {
                        const forked = await conversation.fork(turn.id);
                        if (forked !== null) go({ page: "session", id: forked });
                      }
                    : undefined
                }
              />
              {session.feedback
                .filter(({ turn_id }) => turn_id === turn.id)
                .map((record, index) => (
                  <ChangeView
                    // Not its time: the server's replaces the page's own, and what is unfolded must stay so.
                    key={index}
                    record={record}
                    generation={generations.find(({ id }) => id === record.weights?.generation)}
                  />
                ))}
              {(canJudge || turn !== latest) && isJudged(turn) && (
                <JudgeView
                  key={session.feedback.filter(({ turn_id }) => turn_id === turn.id).length}
                  turn={turn}
                  folded={turn !== latest}
                  disabled={!canJudge}
                  onReach={(correction) => conversation.reach(turn.id, correction)}
                  onJudge={(judgement) => {
                    // The buttons go away: whoever uses the keyboard stays in the conversation.
                    scroller.current?.focus({ preventScroll: true });
                    void conversation.judge(turn.id, judgement);
                  }}
                />
              )}
            </li>
          ))}
          {sending !== null && (
            <li>
              <article class="turn">
                <p class="request">{sending}</p>
                <p class="reply" data-live="true" />
              </article>
            </li>
          )}
        </ol>
        <Announcer turn={latest} judged={session.feedback.at(-1)} />
      </div>
    </section>
  );
}

/** Of each turn every try at the same request, in order; the tries of one request share one list. */
function triesOf(turns: readonly Turn[]): Map<string, Turn[]> {
  const tries = new Map<string, Turn[]>();
  for (const turn of turns) {
    const known = tries.get(turn.retry_of ?? "");
    known?.push(turn);
    tries.set(turn.id, known ?? [turn]);
  }
  return tries;
}

/** Puts a request into the field, in the place of what stands there. */
function takeBack(content: string): void {
  const field = document.getElementById("request");
  if (!(field instanceof HTMLTextAreaElement)) return;
  field.value = content;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

/** From this share of the window on, how full it is is shown. */
const fullShare = 0.5;

/** How much of the model's window the conversation takes, before it becomes an error. */
function Window({ session }: { session: Session }) {
  const tokens = session.turns.at(-1)?.usage?.total_tokens ?? 0;
  const max = windowTokens.value;
  if (max === null || tokens < fullShare * max) return null;
  return (
    <span class="window">
      <meter
        aria-label="Used of the model’s window"
        min={0}
        max={max}
        high={0.85 * max}
        optimum={0}
        value={tokens}
      />
      {formatCount(tokens)} of {formatCount(max)} tokens of the window.{" "}
      <a href={hrefOf({ page: "start" })}>New session</a>
    </span>
  );
}

const adapting: Record<Session["mode"], string> = {
  both: "adapts words and weights",
  words: "adapts its words only",
  weights: "adapts its weights only",
  off: "adapts nothing",
};

/** Not merely the beginning of the request that stands below it. */
function hasOwnTitle({ title, turns }: Session): boolean {
  return title !== null && turns[0]?.content.startsWith(title) !== true;
}

function failureOf({ error }: Turn): string | null {
  return error === null ? null : explainCode(error.code, error.message);
}

function isJudged(turn: Turn): boolean {
  return (turn.status === "completed" || turn.status === "stopped") && turn.reply !== "";
}

/** Tells those who listen what feedback changed, and a finished reply: once, not token by token. */
function Announcer({
  turn,
  judged,
}: {
  turn: Turn | undefined;
  judged: FeedbackRecord | undefined;
}) {
  const [said, say] = useState("");
  const [changed, tellChange] = useState("");
  const wasRunning = useRef<string | null>(null);
  const wasPending = useRef(false);
  useEffect(() => {
    if (judged?.status === "pending") wasPending.current = true;
    const { words = null, weights = null } = judged ?? {};
    if (!wasPending.current || words === null || weights === null) return;
    if (weights.decision === "queued") return;
    wasPending.current = false;
    const reworded = words.changed ? `The model now reads: ${words.after}.` : "The words stay.";
    tellChange(`${reworded} Weights ${weights.decision}: ${weights.reason}.`);
  }, [judged]);
  useEffect(() => {
    if (turn === undefined) return;
    if (turn.status === "running") wasRunning.current = turn.id;
    else if (wasRunning.current === turn.id) {
      wasRunning.current = null;
      say(turn.status === "failed" ? "The reply failed." : `Reply: ${turn.reply}`);
    }
  }, [turn]);
  return (
    <div class="hidden" aria-live="polite">
      <p>{changed}</p>
      <p>{said}</p>
    </div>
  );
}

/** After an example went right: the same wish about another list. */
function Sequel({ conversation, session }: { conversation: Conversation; session: Session }) {
  const last = session.turns.at(-1);
  if (last === undefined || conversation.busy.value || conversation.pending.value !== null) {
    return null;
  }
  const found = exampleOf(last.content);
  if (found === null || last.reply.trim() !== found.answer) return null;
  const { next } = found.example;
  if (session.turns.some(({ content }) => content === next.request)) return null;
  return (
    <button type="button" class="sequel" onClick={() => conversation.ask(next.request)}>
      Does it last? Ask about another list: <code>{next.request}</code>
    </button>
  );
}
