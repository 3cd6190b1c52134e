/** Whether the model can answer, asked regularly while the page is visible. */
import { computed, effect, signal } from "@preact/signals";
import { type Health, Rosa2 } from "rosa2";
import { client, key } from "./account.ts";

const calmMs = 15_000;
const troubledMs = 2_000;

/** Null before the first answer; "offline" when the server itself is not there. */
export const health = signal<Health | "offline" | null>(null);

export function isServing(state: Health | "offline" | null): boolean {
  return state === null || (state !== "offline" && state.status === "ok");
}

/** The name of the model that answers; null while none does. */
export const modelName = computed(() => {
  const state = health.value;
  return state === null || state === "offline" ? null : state.gpu.model;
});

/** The model's context window in tokens; null until it is known. */
export const windowTokens = signal<number | null>(null);

effect(() => {
  const name = modelName.value;
  if (name === null || key.value === null) return;
  client.value
    .model(name)
    .then(({ context_length }) => {
      windowTokens.value = context_length;
    })
    .catch(() => {});
});

const probe = new Rosa2({ baseUrl: location.origin, apiKey: "", retriesMax: 0 });
let timer: ReturnType<typeof setTimeout> | undefined;

/** Asks now, and from then on. */
export async function watchHealth(): Promise<void> {
  clearTimeout(timer);
  if (document.visibilityState === "visible") {
    health.value = await probe.health().catch(() => "offline" as const);
  }
  clearTimeout(timer);
  timer = setTimeout(watchHealth, isServing(health.value) ? calmMs : troubledMs);
}

document.addEventListener("visibilitychange", () => void watchHealth());
addEventListener("online", () => void watchHealth());
