/** A request with a session's ledger: its open senses, its possible joint readings, and the wording of each. */
import { type CutRequest, compose, cutRequest } from "./compose.ts";
import { asSaid, compileLearnt } from "./learnt.ts";
import * as ledger from "./ledger.ts";
import { findOccurrences } from "./lexicon.ts";
import { isAbsorbed } from "./remarks/pointer.ts";
import type { Occurrence, Sense } from "./senses.ts";
import { constraintsFor } from "./state.ts";
import type { Attempt, Ledger, Revision, WordsState } from "./types.ts";

/** A request's open senses in lexicon order, with their ledger. */
export interface Reading {
  request: string;
  occurrences: Occurrence[];
  senses: Sense[];
  /** Name of the ledger in the state. */
  name: string;
  ledger: Ledger;
  /** Nothing was learnt about any of the senses yet. */
  isNew: boolean;
  /** The least that is remembered of its senses; see `skillAfter`. */
  skill: number;
  /** The joint reading that states nothing learnt: learnt senses as said, own ones at their likeliest. */
  plain: readonly string[];
  /** The request, cut at the places of phrases. */
  cut: CutRequest;
}

/** Reading id by open sense; a missing sense stays as said. */
export type Chosen = ReadonlyMap<Sense, string>;

/** The skill before any right reply of a session: nine in ten likely replies to what is meant are right. */
const skillAtFirst = 0.9;
/** Senses of one request that are weighed together; further ones in the text stay as they were said. */
const sensesMax = 8;
/** Nats by which the evidence must support a learnt reading before it is used. */
const supportNats = 0.1;

export function readRequest(
  state: WordsState,
  request: string,
  own: readonly Sense[] = [],
): Reading {
  const lexicon = [...own, ...compileLearnt(state)];
  const found = findOccurrences(request, lexicon);
  const open = new Set(found.filter((o) => o.stated === null).map((o) => o.sense));
  // Own senses first, then the most recently learnt ones.
  const learntLast = lexicon.toSorted(
    (a, b) => Number(a.learnt === undefined) - Number(b.learnt === undefined),
  );
  const weighed = new Set(learntLast.filter((one) => open.has(one)).slice(-sensesMax));
  const senses = lexicon.filter((sense) => weighed.has(sense));
  const occurrences = found.filter((o) => o.stated !== null || weighed.has(o.sense));
  const name = ledger.ledgerName(senses);
  const opened = ledger.openLedger(senses, state.ledgers[name], state.senses);
  const fixed = senses.map(({ learnt }) => (learnt === undefined ? null : asSaid));
  return {
    request,
    occurrences,
    senses,
    name,
    ledger: opened,
    isNew: senses.every(({ id }) => state.senses[id] === undefined),
    skill: Math.min(...senses.map(({ id }) => state.senses[id]?.skill ?? skillAtFirst), 1),
    plain: ledger.bestReading(opened, fixed).readings,
    cut: cutRequest(request, occurrences),
  };
}

/** For each open sense of the request, the reading that an attempt's prompt states; null if it is as said. */
export function statedReadings(reading: Reading, { prompt }: Attempt): (string | null)[] {
  const own = reading.senses.filter(({ learnt }) => learnt === undefined);
  const occurrences =
    prompt === reading.request ? reading.occurrences : findOccurrences(prompt, own);
  const lowered = prompt.toLowerCase();
  return reading.senses.map((sense) => {
    if (sense.learnt === undefined) {
      return occurrences.find((o) => o.sense === sense && o.stated)?.stated?.id ?? null;
    }
    const said = sense.readings
      .filter(({ phrase }) => phrase !== "" && lowered.includes(phrase.toLowerCase()))
      .sort((a, b) => b.phrase.length - a.phrase.length);
    return said[0]?.id ?? null;
  });
}

/**
 * The part of a joint reading that the evidence supports: a model's proposal is used if it explains the evidence better
 * than the stretch as it was said, together with the others, and only if the whole does so too. Any reading of an own
 * sense may be used.
 *
 * The support of a joint reading is what its weight gained on its prior (nats).
 */
export function supported(
  { senses, plain }: Reading,
  weighed: Ledger,
  joint: readonly string[],
): readonly string[] {
  const priors = senses.map(
    ({ readings }) => new Map(readings.map(({ id, prior }) => [id, Math.log(prior)])),
  );
  const gain = (ids: readonly string[]) => {
    const weight = weighed.weights[ledger.keyOf(ids)];
    if (weight === undefined) return Number.NEGATIVE_INFINITY;
    return ids.reduce(
      (sum, id, position) => sum - (priors[position]?.get(id) ?? 0),
      Math.log(weight),
    );
  };
  let said = joint;
  for (const [position, { learnt }] of senses.entries()) {
    if (learnt === undefined) continue;
    const without = said.with(position, asSaid);
    if (gain(without) > gain(said) - supportNats) said = without;
  }
  const unsaid = joint.map((id, position) =>
    senses[position]?.learnt === undefined ? id : asSaid,
  );
  const least = Math.max(gain(unsaid), gain(plain));
  return gain(said) >= least + supportNats ? said : unsaid;
}

/** The choice that states these readings of the open senses; null leaves one as said. */
export function choose({ senses }: Reading, joint: readonly (string | null)[]): Chosen {
  return new Map(
    senses.flatMap((sense, position): [Sense, string][] => {
      const id = joint[position] ?? null;
      return id === null ? [] : [[sense, id]];
    }),
  );
}

/**
 * The request worded with the given readings and all the session's constraints. A short remark that only pointed at the
 * misreading ("other order") is replaced by the reading that answers it.
 */
export function wording(
  state: WordsState,
  turnId: string | null,
  reading: Reading,
  chosen: Chosen,
): string {
  const held = constraintsFor(state, turnId, reading.request);
  const phrases = [...chosen].flatMap(([{ readings, learnt }, id]) => {
    const phrase = readings.find((r) => r.id === id)?.phrase ?? "";
    return learnt === undefined || phrase === "" ? [] : [phrase];
  });
  const constraints = held.filter((one) => phrases.length === 0 || !isAbsorbed(one, phrases));
  return compose(reading.cut, chosen, constraints);
}

/** Ambiguous places of the request, and the readings chosen there. */
export function spansOf(reading: Reading, chosen: Chosen): Revision["spans"] {
  const sharesBySense = ledger.marginals(reading.ledger);
  return reading.occurrences.map(({ sense, start, end, stated }) => {
    const position = reading.senses.indexOf(sense);
    const id = stated?.id ?? chosen.get(sense) ?? null;
    const shares = sharesBySense[position] ?? {};
    return {
      label: sense.label,
      text: reading.request.slice(start, end),
      start,
      end,
      phrase: sense.readings.find((r) => r.id === id)?.phrase || null,
      said: stated !== null,
      probability: stated !== null ? 1 : id === null ? 0 : (shares[id] ?? 0),
    };
  });
}
