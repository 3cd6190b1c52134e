/** Where the visitor is, kept in the fragment so that reload and history work without a server. */
import { signal } from "@preact/signals";

export type Route =
  | { page: "start" }
  | { page: "session"; id: string }
  | { page: "compare" }
  | { page: "model" }
  | { page: "usage" };

export const route = signal<Route>(parse(location.hash));

addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

export function hrefOf(to: Route): string {
  if (to.page === "start") return "#/";
  return to.page === "session" ? `#/s/${to.id}` : `#/${to.page}`;
}

export function go(to: Route): void {
  location.hash = hrefOf(to);
}

function parse(hash: string): Route {
  const [, name, id] = hash.split("/");
  if (name === "s" && id !== undefined) return { page: "session", id };
  if (name === "compare" || name === "usage" || name === "model") return { page: name };
  return { page: "start" };
}
