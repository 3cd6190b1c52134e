/** The colour theme: light, dark, or the system's. */
import { effect, signal } from "@preact/signals";

type Theme = "system" | "light" | "dark";
const storageName = "rosa2.theme";
const order: Theme[] = ["system", "light", "dark"];

const saved = localStorage.getItem(storageName) as Theme | null;
export const theme = signal<Theme>(saved !== null && order.includes(saved) ? saved : "system");

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem(storageName, theme.value);
});

export function nextTheme(): void {
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length] ?? "system";
}
