/** Text that was written and not sent, kept in this browser by the place where it was written. */

const prefix = "rosa2.draft.";

export function readDraft(place: string): string {
  return localStorage.getItem(prefix + place) ?? "";
}

export function keepDraft(place: string, text: string): void {
  if (text.trim() === "") localStorage.removeItem(prefix + place);
  else localStorage.setItem(prefix + place, text);
}
