/** Asking for a key, and saying why one was refused. */
import { useState } from "preact/hooks";
import { Rosa2Error } from "rosa2";
import { refused, signIn } from "../state/account.ts";
import { explain } from "../state/failure.ts";

export function SignInView() {
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setFailure(null);
    try {
      await signIn(String(form.get("key")).trim());
    } catch (error) {
      const wrong = error instanceof Rosa2Error && error.status === 401;
      setFailure(wrong ? "This key is not valid here. Check that it is whole." : explain(error));
      setBusy(false);
    }
  };
  const message = failure ?? (refused.value ? "The key is no longer valid. Sign in again." : null);
  return (
    <main id="main" class="sign-in" tabIndex={-1}>
      <h1>
        Chat that gets better <em>while you talk</em>
      </h1>
      <p class="lead">
        Say what was wrong with a reply. rosa2 rewords the <b class="of-words">request</b>, updates
        the <b class="of-weights">model’s weights</b> for this conversation, and answers again.
      </p>
      <form onSubmit={submit}>
        <label for="key">API key</label>
        <div class="field-row">
          <input
            id="key"
            name="key"
            type="password"
            autocomplete="current-password"
            placeholder="rosa2_…"
            required
            aria-invalid={message !== null}
            aria-describedby="key-says"
          />
          <button type="submit" class="primary" disabled={busy}>
            {busy ? "Checking …" : "Sign in"}
          </button>
        </div>
        <p id="key-says" class={message === null ? "note" : "error"} role="status">
          {message ?? (
            <>
              It stays in this browser. On your own machine <code>npm start</code> prints a link
              that signs you in; the key is also in <code>.rosa2/api-key</code>.
            </>
          )}
        </p>
      </form>
    </main>
  );
}
