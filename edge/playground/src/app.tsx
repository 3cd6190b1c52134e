/** The page's frame: header, notices, and the view that the route names. */
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./parts/icon.tsx";
import { KeysSheet } from "./parts/keys-sheet.tsx";
import { Remedy } from "./parts/remedy.tsx";
import { key, signOut } from "./state/account.ts";
import { conversation } from "./state/current.ts";
import { notice } from "./state/failure.ts";
import { health, isServing, modelName } from "./state/health.ts";
import { hrefOf, type Route, route } from "./state/route.ts";
import { nextTheme, theme } from "./state/theme.ts";
import { CompareView } from "./views/compare.tsx";
import { ConversationView } from "./views/conversation.tsx";
import { ModelView } from "./views/model.tsx";
import { SignInView } from "./views/sign-in.tsx";
import { StartView } from "./views/start.tsx";
import { UsageView } from "./views/usage.tsx";

const titles: Record<Route["page"], string> = {
  start: "New session",
  session: "Session",
  compare: "Compare",
  model: "Model",
  usage: "Usage",
};

export function App() {
  const { page } = route.value;
  const signedIn = key.value !== null;
  useEffect(() => {
    document.title = `${signedIn ? titles[page] : "Sign in"} · rosa2`;
  }, [page, signedIn]);
  useArrival(hrefOf(route.value));
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to content
      </button>
      <Header signedIn={signedIn} />
      <Troubles />
      {signedIn ? <View /> : <SignInView />}
      <KeysSheet />
    </>
  );
}

/** After navigation the page begins at its top, for eyes and for the keyboard. */
function useArrival(href: string): void {
  const last = useRef(href);
  useEffect(() => {
    if (last.current === href) return;
    last.current = href;
    scrollTo(0, 0);
    document.getElementById("main")?.focus({ preventScroll: true });
  }, [href]);
}

function View() {
  const to = route.value;
  switch (to.page) {
    case "start":
      return <StartView />;
    case "compare":
      return <CompareView />;
    case "usage":
      return <UsageView />;
    case "model":
      return <ModelView />;
    case "session":
      return conversation.value === null ? null : (
        <ConversationView key={to.id} conversation={conversation.value} />
      );
  }
}

function Header({ signedIn }: { signedIn: boolean }) {
  return (
    <header class="header">
      <a class="brand" href={hrefOf({ page: "start" })}>
        <img src="/icon.svg" alt="" width="24" height="24" />
        <span>rosa2</span>
      </a>
      {signedIn && (
        <nav class="nav" aria-label="Pages">
          <NavLink to={{ page: "start" }} name="Chat" current={["start", "session"]} />
          <NavLink to={{ page: "compare" }} name="Compare" current={["compare"]} />
          <NavLink to={{ page: "usage" }} name="Usage" current={["usage"]} />
          <a class="nav-docs" href="/docs">
            API
          </a>
        </nav>
      )}
      <div class="header-end">
        <ModelState signedIn={signedIn} />
        <button
          type="button"
          class="icon-button"
          onClick={nextTheme}
          title={`Theme: ${theme.value}`}
        >
          <Icon name={theme.value} />
          <span class="hidden">Theme: {theme.value}. Change it</span>
        </button>
        {signedIn && (
          <button type="button" class="icon-button" onClick={signOut} title="Sign out">
            <Icon name="exit" />
            <span class="hidden">Sign out</span>
          </button>
        )}
      </div>
    </header>
  );
}

function NavLink({ to, name, current }: { to: Route; name: string; current: Route["page"][] }) {
  const here = current.includes(route.value.page);
  return (
    <a href={hrefOf(to)} aria-current={here ? "page" : undefined}>
      {name}
    </a>
  );
}

/** The model's name leads to what it is. */
function ModelState({ signedIn }: { signedIn: boolean }) {
  const serving = isServing(health.value);
  const text = serving ? (modelName.value ?? "…") : "model unreachable";
  const content = (
    <>
      <span class="dot" aria-hidden="true" />
      <span class="model-name">{text}</span>
    </>
  );
  if (!signedIn) {
    return (
      <p class="model-state" data-ok={serving}>
        {content}
      </p>
    );
  }
  return (
    <a
      class="model-state"
      data-ok={serving}
      href={hrefOf({ page: "model" })}
      title="What this model is and can do"
      aria-current={route.value.page === "model" ? "page" : undefined}
    >
      <span class="hidden">Model: </span>
      {content}
    </a>
  );
}

/** What is wrong with the service as a whole. It is announced, and disappears when the service works again. */
function Troubles() {
  const state = health.value;
  const wasDown = useRef(false);
  const down = !isServing(state);
  const back = wasDown.current && !down;
  useEffect(() => {
    wasDown.current = down;
  });
  return (
    <div class="troubles" aria-live="polite">
      {down && (
        <p class="trouble" role="status">
          <Icon name="warning" />
          {state === "offline"
            ? "The server cannot be reached. This page goes on by itself when it is back."
            : state !== null && state.gpu.status === "loading"
              ? "The model is being loaded. Requests can be sent in a moment."
              : "The model cannot be reached. What you send is kept; this page notices when it is back."}
        </p>
      )}
      {back && <p class="hidden">The model is back.</p>}
      {notice.value !== null && (
        <p class="trouble" role="alert">
          <Icon name="warning" />
          <span>
            {notice.value} <Remedy text={notice.value} />
          </span>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              notice.value = null;
            }}
          >
            Dismiss
          </button>
        </p>
      )}
    </div>
  );
}
