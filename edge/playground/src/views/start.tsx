/** Beginning a session: how it adapts, an example or a request of one's own; and earlier sessions. */
import { useEffect, useState } from "preact/hooks";
import type { SessionSummary } from "rosa2";
import { examples } from "../examples.ts";
import { formatDay, formatTime } from "../format.ts";
import { Choice } from "../parts/choice.tsx";
import { Icon } from "../parts/icon.tsx";
import { type Mode, modes, modeText } from "../parts/modes.ts";
import { client } from "../state/account.ts";
import { startSession } from "../state/current.ts";
import { report } from "../state/failure.ts";
import { hrefOf } from "../state/route.ts";
import { Composer } from "./composer.tsx";

export function StartView() {
  const [mode, setMode] = useState<Mode>("both");
  const [instructions, setInstructions] = useState("");
  const [busy, setBusy] = useState(false);
  const [unsent, setUnsent] = useState("");
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
        <h2 id="examples">Start with an example</h2>
        <ul class="examples">
          {examples.map((example) => (
            <li key={example.id}>
              <button
                type="button"
                disabled={busy}
                onClick={() => start(example.request, example.title)}
              >
                <strong>{example.title}</strong>
                <span class="example-request">{example.request}</span>
                <span class="example-trap">{example.trap}</span>
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
      <Recent />
      <p class="note to-docs">
        From your own app: <a href="/docs/guides">guides</a> and <a href="/docs">the API</a>, with
        examples for curl, TypeScript, React Native, Swift and Kotlin.
      </p>
    </main>
  );
}

function Recent() {
  const [sessions, setSessions] = useState<SessionSummary[] | null>(null);
  const [more, setMore] = useState<string | null>(null);
  const [search, setSearch] = useState("");
  const load = async (cursor?: string) => {
    try {
      const page = await client.value.listSessions(
        cursor === undefined ? { limit: 8 } : { limit: 20, cursor },
      );
      setSessions((known) => (cursor === undefined ? page.data : [...(known ?? []), ...page.data]));
      setMore(page.next_cursor);
    } catch (error) {
      report(error);
    }
  };
  useEffect(() => void load(), []);
  /** A search is among all of them. */
  const loadAll = async () => {
    if (more === null) return;
    try {
      const all: SessionSummary[] = [];
      for await (const session of client.value.sessions({ limit: 100 })) all.push(session);
      setSessions(all);
      setMore(null);
    } catch (error) {
      report(error);
    }
  };
  const erase = async ({ id, title }: SessionSummary) => {
    if (!confirm(`Erase “${title ?? id}” with its turns and adapters?`)) return;
    try {
      await client.value.session(id).erase();
      setSessions((known) => known?.filter((one) => one.id !== id) ?? null);
    } catch (error) {
      report(error);
    }
  };
  const rename = async ({ id, title }: SessionSummary) => {
    const wanted = prompt("Name of this session", title ?? "")?.trim();
    if (wanted === undefined || wanted === "" || wanted === title) return;
    try {
      await client.value.session(id).change({ title: wanted });
      setSessions(
        (known) => known?.map((one) => (one.id === id ? { ...one, title: wanted } : one)) ?? null,
      );
    } catch (error) {
      report(error);
    }
  };
  if (sessions === null || sessions.length === 0) return null;
  const wanted = search.trim().toLowerCase();
  const found = sessions.filter(({ title }) => (title ?? "").toLowerCase().includes(wanted));
  return (
    <section aria-labelledby="recent">
      <div class="section-head">
        <h2 id="recent">Earlier sessions</h2>
        <input
          type="search"
          aria-label="Search the titles"
          placeholder="Search the titles"
          value={search}
          onFocus={() => void loadAll()}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      </div>
      {found.length === 0 && <p class="note">No session’s title has “{search}”.</p>}
      <ul class="recent">
        {found.map((session) => (
          <li key={session.id}>
            <a href={hrefOf({ page: "session", id: session.id })}>
              <span class="recent-title">{session.title ?? "Untitled"}</span>
              <span class="recent-facts">
                {modeText(session.mode)} · {session.turn_count}{" "}
                {session.turn_count === 1 ? "turn" : "turns"} · {formatDay(session.updated_at)}{" "}
                {formatTime(session.updated_at)}
              </span>
            </a>
            <button type="button" class="icon-button" onClick={() => void rename(session)}>
              <Icon name="edit" />
              <span class="hidden">Rename {session.title ?? "session"}</span>
            </button>
            <button type="button" class="icon-button" onClick={() => erase(session)}>
              <Icon name="remove" />
              <span class="hidden">Erase {session.title ?? "session"}</span>
            </button>
          </li>
        ))}
      </ul>
      {more !== null && (
        <button type="button" onClick={() => load(more)}>
          Show more
        </button>
      )}
    </section>
  );
}
