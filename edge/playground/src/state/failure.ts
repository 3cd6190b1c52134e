/** Failures as sentences for people, in one place. */
import { signal } from "@preact/signals";
import { Rosa2Error } from "rosa2";
import { key, refused } from "./account.ts";

/** The latest failure that is not shown beside its cause. */
export const notice = signal<string | null>(null);

/** Shows a failure; a refused key signs the visitor out instead. */
export function report(error: unknown): void {
  if (error instanceof Rosa2Error && error.status === 401) {
    refused.value = true;
    key.value = null;
    return;
  }
  notice.value = explain(error);
}

/** Where on this page a failure can be fixed, if anywhere. */
export function remedyOf(text: string): { href: string; name: string } | null {
  if (text.includes("spend cap")) return { href: "#/usage", name: "Raise the cap" };
  if (text.includes("too long for this model")) return { href: "#/", name: "New session" };
  return null;
}

export function explain(error: unknown): string {
  if (!(error instanceof Rosa2Error)) return error instanceof Error ? error.message : String(error);
  return explainCode(
    error.code,
    error.requestId === undefined ? error.message : `${error.message} (request ${error.requestId})`,
  );
}

/** The meaning of a code for a visitor; for other codes the message itself. */
export function explainCode(code: string, message: string): string {
  switch (code) {
    case "connection_failed":
      return "The server cannot be reached. Check the connection and try again.";
    case "gpu_unavailable":
    case "gpu_cold":
      return "The model cannot be reached right now. What you sent is kept and can be run again.";
    case "budget_exceeded":
      return "This month’s spend cap is reached. It can be raised on the usage page.";
    case "insufficient_scope":
      return `This key may not do that. ${message}. Sign in with a key that has the scope.`;
    case "context_length_exceeded":
      return "The conversation has become too long for this model. Start a new session, or ask for something shorter.";
    case "rate_limited":
    case "queue_full":
      return `Too many requests just now. ${message}.`;
    default:
      return message;
  }
}
