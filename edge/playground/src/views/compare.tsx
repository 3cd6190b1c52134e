/** The same request adapted in all four modes, side by side. */
import { useState } from "preact/hooks";
import {
  type Example,
  exampleOf,
  freshExample,
  hasOthers,
  kinds,
  tallyOf,
  traps,
} from "../examples.ts";
import { formatNumber, formatUsd } from "../format.ts";
import { Icon } from "../parts/icon.tsx";
import { modes, modeText } from "../parts/modes.ts";
import {
  compare,
  draft,
  keepOpened,
  type Run,
  rightAt,
  runs,
  sequelOf,
  verdictOf,
} from "../state/comparison.ts";
import { hrefOf } from "../state/route.ts";
import type { Step, Wish } from "../story.ts";

export function CompareView() {
  const [wish, setWish] = useState<Wish>(() => draft.peek() ?? wishOf(freshExample("both")));
  const example = exampleOf(wish.request)?.example;
  const busy = runs.value.some(({ status }) => status === "running");
  const set = (part: Partial<Wish>) => setWish({ ...wish, next: null, ...part });
  return (
    <main id="main" class="compare" tabIndex={-1}>
      <h1>One request, four ways to adapt</h1>
      <p class="lead">
        Four sessions get the same request and the same feedback: first what you would say, then the
        right answer, at most three tries.
      </p>
      <fieldset class="example-chips">
        <legend class="hidden">Examples</legend>
        {kinds.map((kind) => (
          <button
            key={kind}
            type="button"
            aria-pressed={example?.kind === kind}
            disabled={busy}
            title={traps[kind].trap}
            onClick={() => setWish(wishOf(freshExample(kind, example)))}
          >
            {traps[kind].title}
          </button>
        ))}
        {example !== undefined && hasOthers(example.kind) && (
          <button
            type="button"
            class="quiet"
            disabled={busy}
            onClick={() => setWish(wishOf(freshExample(example.kind, example)))}
          >
            Another one
          </button>
        )}
      </fieldset>
      {example !== undefined && <About example={example} />}
      <form
        class="wish-form"
        onSubmit={(event) => {
          event.preventDefault();
          void compare(wish);
        }}
      >
        <label class="wide">
          Request
          <textarea
            rows={2}
            required
            value={wish.request}
            onInput={({ currentTarget }) => set({ request: currentTarget.value })}
          />
        </label>
        <label>
          What you would say is wrong <small>(may be empty)</small>
          <input
            value={wish.hint ?? ""}
            onInput={({ currentTarget }) => set({ hint: currentTarget.value.trim() || null })}
          />
        </label>
        <label>
          The right answer
          <input
            required
            value={wish.answer}
            onInput={({ currentTarget }) => set({ answer: currentTarget.value })}
          />
        </label>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? "Comparing …" : "Compare"}
        </button>
      </form>
      <Verdict wish={wish} />
      <section
        class="runs"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label="The four sessions"
        aria-live="polite"
        aria-busy={busy}
      >
        {runs.value.map((run) => (
          <RunView key={run.mode} run={run} next={wish.next} />
        ))}
      </section>
    </main>
  );
}

function wishOf({ request, hint, answer, next }: Example): Wish {
  return { request, hint, answer, next };
}

/** What an example means and how it was chosen: a reader who sees it work should know how often it does. */
function About({ example: { kind, meaning } }: { example: Example }) {
  const { told, drawn } = tallyOf(kind);
  return (
    <p class="note">
      Meant: <i>{meaning}</i>. {traps[kind].trap} Requests of this kind were drawn by chance and
      played in all four ways: {told} of {drawn} told this story, this one among them.
    </p>
  );
}

/** The four modes in one table, above the conversations that it summarises. */
function Verdict({ wish }: { wish: Wish }) {
  const done = runs.value.filter(({ status }) => status === "done");
  if (done.length < runs.value.length) return null;
  return (
    <section class="verdict" aria-labelledby="verdict" aria-live="polite">
      <h2 id="verdict">Verdict</h2>
      <p>{verdictOf(done)}</p>
      <table>
        <thead>
          <tr>
            <th scope="col">Adapts</th>
            <th scope="col">Right at try</th>
            {wish.next !== null && <th scope="col">Other list</th>}
            <th scope="col">Change</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {done.map((run) => (
            <tr key={run.mode}>
              <th scope="row">{modeText(run.mode)}</th>
              <td>{rightAt(run) || "never"}</td>
              {wish.next !== null && (
                <td data-right={sequelOf(run)?.right === true}>{markOf(sequelOf(run))}</td>
              )}
              <td>{run.weights === null ? "none" : formatNumber(run.weights.shift_norm)}</td>
              <td>{formatUsd(run.costUsd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">
        Change is the norm of the weights’ change, less is better. The four sessions erase
        themselves within an hour; those that you did not open already when you compare again.
      </p>
    </section>
  );
}

function markOf(step: Step | null): string {
  if (step === null) return "–";
  return step.right ? "right" : "wrong";
}

function RunView({ run, next }: { run: Run; next: Wish["next"] }) {
  const mode = modes.find(({ value }) => value === run.mode);
  const sequel = sequelOf(run);
  return (
    <section class="run" data-mode={run.mode} aria-label={mode?.text}>
      <h2>{mode?.text}</h2>
      <ol>
        {run.steps
          .filter((step) => step !== sequel)
          .map((step) => (
            <li key={step.turn.id}>
              <StepView step={step} />
            </li>
          ))}
      </ol>
      {run.status === "ready" && <p class="note">{mode?.says}</p>}
      {run.status === "running" && <p class="note working">Working …</p>}
      {run.failure !== null && <p class="error">{run.failure}</p>}
      {sequel !== null && (
        <div class="sequel-step">
          <p class="label">another list, no feedback</p>
          {next !== null && (
            <p class="step-said">
              {next.request} → <code>{next.answer}</code>
            </p>
          )}
          <StepView step={sequel} />
        </div>
      )}
      {run.sessionId !== null && run.status !== "running" && (
        <a
          class="open-session"
          href={hrefOf({ page: "session", id: run.sessionId })}
          onClick={() => keepOpened(run.sessionId ?? "")}
        >
          Open this session
        </a>
      )}
    </section>
  );
}

function StepView({ step: { said, turn, right } }: { step: Step }) {
  return (
    <>
      {said !== null && <p class="step-said">“{said}”</p>}
      {turn.prompt !== turn.content && (
        <p class="as-read">
          <span class="label of-words">model reads</span> {turn.prompt}
        </p>
      )}
      <p class="step-reply" data-right={right}>
        <span class="step-mark">
          <Icon name={right ? "right" : "wrong"} />
        </span>
        <span class="hidden">{right ? "Right: " : "Wrong: "}</span>
        <code>{turn.reply === "" ? "(nothing)" : turn.reply}</code>
      </p>
    </>
  );
}
