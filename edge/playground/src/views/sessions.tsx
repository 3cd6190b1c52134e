/** The visitor's sessions as a list: on the start page, and beside the conversation that is open. */
import { useEffect, useState } from "preact/hooks";
import type { SessionSummary } from "rosa2";
import { formatDay, formatTime } from "../format.ts";
import { Icon } from "../parts/icon.tsx";
import { modeText } from "../parts/modes.ts";
import { go, hrefOf } from "../state/route.ts";
import {
  eraseSession,
  readAll,
  readMore,
  readSessions,
  renameSession,
  rest,
  sessions,
} from "../state/sessions.ts";

/** Earlier sessions at the bottom of the start page. */
export function EarlierSessions() {
  useEffect(() => void readSessions(), []);
  const [search, setSearch] = useState("");
  if (sessions.value === null || sessions.value.length === 0) return null;
  return (
    <section aria-labelledby="recent">
      <div class="section-head">
        <h2 id="recent">Earlier sessions</h2>
        <Search search={search} onSearch={setSearch} />
      </div>
      <Found search={search} />
    </section>
  );
}

const foldedName = "rosa2.sessions-folded";

/** Sessions beside a conversation, where there is room; folded away, only the button stays. */
export function SessionsBeside({ current, turns }: { current: string; turns: number }) {
  const [search, setSearch] = useState("");
  const [folded, setFolded] = useState(() => localStorage.getItem(foldedName) !== null);
  // A turn moves a session to the top.
  useEffect(() => void readSessions(), [current, turns]);
  const fold = () => {
    if (folded) localStorage.removeItem(foldedName);
    else localStorage.setItem(foldedName, "yes");
    setFolded(!folded);
  };
  return (
    <nav class="beside" data-folded={folded} aria-label="Sessions">
      <div class="beside-head">
        <button
          type="button"
          class="icon-button"
          aria-expanded={!folded}
          title={folded ? "Show the sessions" : "Hide the sessions"}
          onClick={fold}
        >
          <Icon name="list" />
          <span class="hidden">Sessions</span>
        </button>
        {!folded && (
          <a class="new-session" href={hrefOf({ page: "start" })}>
            <Icon name="plus" /> New session
          </a>
        )}
      </div>
      {!folded && (
        <>
          <Search search={search} onSearch={setSearch} />
          <Found search={search} current={current} />
        </>
      )}
    </nav>
  );
}

function Search({ search, onSearch }: { search: string; onSearch(search: string): void }) {
  return (
    <input
      type="search"
      aria-label="Search the titles"
      placeholder="Search the titles"
      value={search}
      onFocus={() => void readAll()}
      onInput={({ currentTarget }) => onSearch(currentTarget.value)}
    />
  );
}

function Found({ search, current }: { search: string; current?: string }) {
  const wanted = search.trim().toLowerCase();
  const found = (sessions.value ?? []).filter(({ title }) =>
    (title ?? "").toLowerCase().includes(wanted),
  );
  const erase = async (session: SessionSummary) => {
    if ((await eraseSession(session)) && session.id === current) go({ page: "start" });
  };
  return (
    <>
      {found.length === 0 && search !== "" && (
        <p class="note">No session’s title has “{search}”.</p>
      )}
      <ul class="recent">
        {found.map((session) => (
          <li key={session.id}>
            <a
              href={hrefOf({ page: "session", id: session.id })}
              aria-current={session.id === current ? "page" : undefined}
            >
              <span class="recent-title">{session.title ?? "Untitled"}</span>
              <span class="recent-facts">
                {modeText(session.mode)} · {session.turn_count}{" "}
                {session.turn_count === 1 ? "turn" : "turns"} · {formatDay(session.updated_at)}{" "}
                {formatTime(session.updated_at)}
              </span>
            </a>
            <button type="button" class="icon-button" onClick={() => void renameSession(session)}>
              <Icon name="edit" />
              <span class="hidden">Rename {session.title ?? "session"}</span>
            </button>
            <button type="button" class="icon-button" onClick={() => void erase(session)}>
              <Icon name="remove" />
              <span class="hidden">Erase {session.title ?? "session"}</span>
            </button>
          </li>
        ))}
      </ul>
      {rest.value !== null && (
        <button type="button" onClick={() => void readMore()}>
          Show more
        </button>
      )}
    </>
  );
}
