/** A session: the transcript with what each piece of feedback changed, and beside it what the session learnt. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { FeedbackRecord, Session, Turn } from "rosa2";
import { exampleOf } from "../examples.ts";
import { formatCount } from "../format.ts";
import { Choice } from "../parts/choice.tsx";
import { nameOf } from "../parts/generation-name.ts";
import type { Conversation } from "../state/conversation.ts";
import { explainCode } from "../state/failure.ts";
import { windowTokens } from "../state/health.ts";
import { hrefOf } from "../state/route.ts";
import { Composer } from "./composer.tsx";
import { SessionPanel } from "./panel.tsx";
import { Row } from "./row.tsx";
import { SessionsBeside } from "./sessions.tsx";

/** A visitor who has scrolled up this far is reading; the view then does not follow the end. */
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
  useEnd(scroller);
  const generations = conversation.generations.value?.data ?? [];
  const latest = session.turns.at(-1);
  const sending = conversation.sending.value;
  const tries = triesOf(session.turns);
  const feedback = Map.groupBy(session.feedback, ({ turn_id }) => turn_id);
  const drawn = useDrawn(session.turns.length);
  return (
    <section
      class="transcript"
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label="Conversation"
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
          {session.turns.slice(-drawn).map((turn) => {
            const records = feedback.get(turn.id) ?? [];
            return (
              <Row
                key={turn.id}
                conversation={conversation}
                scroller={scroller}
                turn={turn}
                isLatest={turn === latest}
                generationName={nameOf(turn.generation, generations)}
                failure={conversation.failures.value[turn.id] ?? failureOf(turn)}
                tries={tries.get(turn.id) ?? []}
                records={records}
                made={records.map(({ weights }) =>
                  generations.find(({ id }) => id === weights?.generation),
                )}
              />
            );
          })}
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

/** Turns rendered in one go: about a screen, so that keys and clicks wait no longer than that. */
const drawnAtOnce = 20;

/**
 * How many turns are rendered, counted back from the latest. All of them follow soon, with pauses for the visitor's
 * input.
 */
function useDrawn(turnCount: number): number {
  const [drawn, setDrawn] = useState(drawnAtOnce);
  useEffect(() => {
    if (drawn >= turnCount) return;
    const timer = setTimeout(() => setDrawn(drawn + drawnAtOnce), 16);
    return () => clearTimeout(timer);
  }, [drawn, turnCount]);
  return drawn;
}

/** Keeps the end in sight while the conversation grows, unless the visitor reads further up. */
function useEnd(scroller: RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    let isReading = false;
    const note = () => {
      isReading = box.scrollHeight - box.scrollTop - box.clientHeight > readingPx;
    };
    // The observer is called after layout; asking for the height would force a layout with every token.
    const growth = new ResizeObserver(() => {
      if (!isReading) box.scrollTop = box.scrollHeight;
    });
    for (const part of [box, ...box.children]) growth.observe(part);
    box.addEventListener("scroll", note, { passive: true });
    return () => {
      growth.disconnect();
      box.removeEventListener("scroll", note);
    };
  }, [scroller]);
}

/** For each turn all tries at the same request, in order; the tries of one request share one list. */
function triesOf(turns: readonly Turn[]): Map<string, Turn[]> {
  const tries = new Map<string, Turn[]>();
  for (const turn of turns) {
    const known = tries.get(turn.retry_of ?? "");
    known?.push(turn);
    tries.set(turn.id, known ?? [turn]);
  }
  return tries;
}

/** From this share on, the view shows how full the window is. */
const fullShare = 0.5;

/** How much of the model's window the conversation takes: a warning before it becomes an error. */
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

/** True when the title is more than the beginning of the request below it. */
function hasOwnTitle({ title, turns }: Session): boolean {
  return title !== null && turns[0]?.content.startsWith(title) !== true;
}

function failureOf({ error }: Turn): string | null {
  return error === null ? null : explainCode(error.code, error.message);
}

/** Announces to screen readers what feedback changed, and a finished reply: once, not token by token. */
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

/** Offered after an example went right: the same wish about another list. */
function Sequel({ conversation, session }: { conversation: Conversation; session: Session }) {
  const last = session.turns.at(-1);
  if (last === undefined || !conversation.canJudge.value) return null;
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
