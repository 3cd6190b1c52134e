/** A request seen through a session's ledger: its open senses, the joint readings it can have, and how each would be worded. */
import { type CutRequest, compose, cutRequest } from "./compose.ts";
import * as ledger from "./ledger.ts";
import { type CompiledSense, findOccurrences, type Occurrence, shippedLexicon } from "./lexicon.ts";
import { constraintsFor } from "./state.ts";
import type { Attempt, Constraint, Ledger, Span, WordsState } from "./types.ts";

/** A request's open senses in lexicon order, with their ledger. */
export interface Reading {
  request: string;
  occurrences: Occurrence[];
  senses: CompiledSense[];
  /** Name of the ledger in the state. */
  name: string;
  ledger: Ledger;
  /** The request, cut where phrases go. */
  cut: CutRequest;
}

/** Reading id by open sense; a sense left out stays as said. */
export type Chosen = ReadonlyMap<CompiledSense, string>;

export function readRequest(
  state: WordsState,
  request: string,
  lexicon: readonly CompiledSense[] = shippedLexicon,
): Reading {
  const occurrences = findOccurrences(request, lexicon);
  const open = new Set(occurrences.filter((o) => o.stated === null).map((o) => o.compiled));
  const senses = lexicon.flatMap((compiled) => {
    if (!compiled.sense.perWord) return open.has(compiled) ? [compiled] : [];
    return [...open].filter(({ template }) => template === compiled);
  });
  const name = ledger.ledgerName(senses);
  return {
    request,
    occurrences,
    senses,
    name,
    ledger: ledger.openLedger(senses, state.ledgers[name], state.senses),
    cut: cutRequest(request, occurrences),
  };
}

/** For each open sense of the request, the reading that an attempt's prompt states, or null where it is as said. */
export function statedSlots(reading: Reading, attempt: Attempt): (string | null)[] {
  let { prompt } = attempt;
  const templates = reading.occurrences.map(({ compiled }) => compiled.template ?? compiled);
  const find = () =>
    prompt === reading.request
      ? reading.occurrences
      : findOccurrences(prompt, [...new Set(templates)]);
  let occurrences = find();
  const meant = new Map<CompiledSense, string>();
  for (const compiled of reading.senses) {
    if (compiled.template === undefined || occurrences.some((o) => o.compiled === compiled))
      continue;
    const start = reading.occurrences.find((o) => o.compiled === compiled)?.start ?? 0;
    const found = replacement(compiled, prompt, start);
    if (found === null) continue;
    meant.set(compiled, found.id);
    // What stands in a word's place states no other sense's reading.
    prompt = prompt.slice(0, found.at) + prompt.slice(found.at + found.length);
  }
  if (meant.size > 0) occurrences = find();
  return reading.senses.map((compiled) => {
    const own = occurrences.find((o) => o.compiled === compiled && o.stated !== null);
    return meant.get(compiled) ?? own?.stated?.id ?? null;
  });
}

/** The reading that stands in a new word's place, and where: the first from where the request has the word. */
function replacement(
  { sense }: CompiledSense,
  prompt: string,
  start: number,
): { id: string; at: number; length: number } | null {
  const lowered = prompt.toLowerCase();
  const [first] = sense.readings
    .filter(({ phrase }) => phrase !== "")
    .map(({ id, phrase }) => ({ id, at: lowered.indexOf(phrase, start), length: phrase.length }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at);
  return first ?? null;
}

/**
 * Whether a sense is said only when something speaks for it. So is one about the whole request unless
 * the request has a span of the same kind: a colon alone makes no list.
 */
export function isShy({ occurrences }: Reading, { sense, span }: CompiledSense): boolean {
  if (sense.shy === true) return true;
  return (
    span === null && !occurrences.some((o) => o.compiled.span !== null && !o.compiled.sense.shy)
  );
}

/** The choice that says every open sense. */
export function choose({ senses }: Reading, joint: readonly string[]): Chosen {
  return new Map(senses.map((compiled, slot) => [compiled, joint[slot] ?? ""]));
}

/** The request worded with the given readings and everything that the session's constraints ask. */
export function wording(
  state: WordsState,
  turnId: string | null,
  reading: Reading,
  chosen: Chosen,
): { prompt: string; constraints: Constraint[] } {
  const constraints = constraintsFor(state, turnId, reading.request);
  const prompt = compose(reading.cut, chosen, constraints);
  return { prompt, constraints };
}

/** Where the request is ambiguous and what is chosen there. */
export function spansOf(reading: Reading, chosen: Chosen): Span[] {
  const slotShares = ledger.marginals(reading.ledger.weights, reading.senses.length);
  return reading.occurrences.map(({ compiled, start, end, stated }) => {
    const slot = reading.senses.indexOf(compiled);
    const id = stated?.id ?? chosen.get(compiled) ?? null;
    const shares = slotShares[slot] ?? {};
    return {
      sense: compiled.sense.id,
      label: compiled.sense.label,
      text: reading.request.slice(start, end),
      start,
      end,
      reading: id,
      phrase: compiled.sense.readings.find((r) => r.id === id)?.phrase || null,
      said: stated !== null,
      probability: stated !== null ? 1 : id === null ? 0 : (shares[id] ?? 0),
    };
  });
}
