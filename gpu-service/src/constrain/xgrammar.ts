/** XGrammar's WebAssembly build in Node: a script made for browsers that declares itself a module. */
import type * as Library from "@mlc-ai/web-xgrammar";

export type XGrammar = typeof Library;

let loading: Promise<XGrammar> | null = null;

export function loadXGrammar(): Promise<XGrammar> {
  loading ??= load();
  return loading;
}

async function load(): Promise<XGrammar> {
  const scope = globalThis as { location?: { href: string }; xgrammar?: XGrammar };
  // The script reads its own location, and puts its exports on the global object.
  scope.location ??= { href: import.meta.url };
  await import("@mlc-ai/web-xgrammar");
  if (scope.xgrammar === undefined) throw new Error("@mlc-ai/web-xgrammar left no exports");
  return scope.xgrammar;
}
