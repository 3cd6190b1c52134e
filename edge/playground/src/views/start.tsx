/** Beginning a session: its mode, an example or the visitor's own request; and earlier sessions. */
import { useState } from "preact/hooks";
import { type Example, freshExample, hasOthers, kinds, traps } from "../examples.ts";
import { Choice } from "../parts/choice.tsx";
import { modes } from "../parts/modes.ts";
import { startSession } from "../state/current.ts";
import type { Mode } from "../story.ts";
import { Composer } from "./composer.tsx";
import { EarlierSessions } from "./sessions.tsx";

export function StartView() {
  const [mode, setMode] = useState<Mode>("both");
  const [instructions, setInstructions] = useState("");
  const [busy, setBusy] = useState(false);
  const [unsent, setUnsent] = useState("");
  const [examples, setExamples] = useState(() => drawExamples());
  const start = async (request: string, title?: string) => {
    setBusy(true);
    const own = instructions.trim();
    const made = await startSession(
      {
        title: title ?? request.slice(0, 80),
        adaptation: { mode },
        ...(own === "" ? {} : { instructions: own }),
      },
      request,
    );
    setBusy(false);
    if (!made) setUnsent(request);
  };
  return (
    <main id="main" class="start" tabIndex={-1}>
      <h1>
        Ask. Correct. <em>Watch it learn.</em>
      </h1>
      <section aria-labelledby="adapts">
        <h2 id="adapts">What may adapt in this session</h2>
        <Choice
          label="What may adapt"
          name="mode"
          options={modes}
          value={mode}
          onChange={setMode}
        />
        <p class="note">{modes.find(({ value }) => value === mode)?.says}</p>
      </section>
      <section aria-labelledby="examples">
        <div class="section-head">
          <h2 id="examples">Start with an example</h2>
          {kinds.some(hasOthers) && (
            <button type="button" class="quiet" onClick={() => setExamples(drawExamples(examples))}>
              Others
            </button>
          )}
        </div>
        <ul class="examples">
          {examples.map(({ kind, request }) => (
            <li key={kind}>
              <button
                type="button"
                disabled={busy}
                onClick={() => start(request, traps[kind].title)}
              >
                <strong>{traps[kind].title}</strong>
                <span class="example-request">{request}</span>
                <span class="example-trap">{traps[kind].trap}</span>
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="own">
        <h2 id="own">Or with a request of your own</h2>
        <Composer
          busy={busy}
          place="start"
          unsent={unsent}
          onSend={(request) => void start(request)}
        />
        <details class="instructions">
          <summary>Instructions for the whole session</summary>
          <label class="hidden" for="instructions">
            Instructions
          </label>
          <textarea
            id="instructions"
            rows={2}
            maxLength={8192}
            value={instructions}
            placeholder="Answer in one line."
            onInput={({ currentTarget }) => setInstructions(currentTarget.value)}
          />
        </details>
      </section>
      <EarlierSessions />
      <p class="note to-docs">
        From your own app: <a href="/docs/guides">guides</a> and <a href="/docs">the API</a>, with
        examples for curl, TypeScript, Python, React Native, Swift and Kotlin.
      </p>
    </main>
  );
}

/** One example of each kind, none of them as before. */
function drawExamples(before: readonly Example[] = []): Example[] {
  return kinds.map((kind) =>
    freshExample(
      kind,
      before.find((one) => one.kind === kind),
    ),
  );
}
