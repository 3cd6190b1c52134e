/**
 * Example requests for the bundled model, by what is missing: the wording, the practice, or both. `npm run examples`
 * draws requests and plays each to the real engine in every mode. It writes those whose modes did as the kind demands
 * to examples.json, with the number drawn.
 */
import drawn from "./examples.json" with { type: "json" };
import { type KindName, kindNames, type Outcomes, type Wish } from "./story.ts";

export interface Drawn extends Wish {
  seed: number;
  /** What the visitor means, in words. */
  meaning: string;
  next: { request: string; answer: string };
  /** As the modes did when it was checked. */
  outcomes: Outcomes;
}

/** How many were drawn, from seed 1 on, and how many of them became examples. */
export interface Tally {
  drawn: number;
  told: number;
  /** How many did not, by reason. */
  failed: Record<string, number>;
}

export interface DrawnFile {
  /** SHA-256 of the weights that they were checked with. */
  model: string;
  kinds: Record<KindName, Tally & { examples: Drawn[] }>;
}

export interface Example extends Drawn {
  id: string;
  kind: KindName;
}

export const traps: Record<KindName, { title: string; trap: string }> = {
  unclear: {
    title: "An unclear request",
    trap: "The model can do this; it cannot know which way is meant. Clearer words mend it, and training on the misunderstanding would teach the wrong lesson.",
  },
  unpractised: {
    title: "A skill it never practised",
    trap: "Every word is clear, but this combination was left out of the model’s training. No wording mends that; one update of the weights does.",
  },
  both: {
    title: "Both at once",
    trap: "Unclear, and one step was never practised: training never asked for four items. Either remedy alone stops short; together they need few turns and a small change.",
  },
};

const file = drawn as DrawnFile;

export const examples: readonly Example[] = kindNames.flatMap((kind) =>
  file.kinds[kind].examples.map((example) => ({
    ...example,
    kind,
    id: `${kind}-${example.seed}`,
  })),
);

/** Kinds that have at least one example. */
export const kinds = kindNames.filter((kind) => file.kinds[kind].examples.length > 0);

/** Whether there is another one of this kind. */
export function hasOthers(kind: KindName): boolean {
  return file.kinds[kind].examples.length > 1;
}

export function tallyOf(kind: KindName): Tally {
  return file.kinds[kind];
}

/** A random example of a kind, other than `unlike`. */
export function freshExample(kind: KindName, unlike?: Example): Example {
  const all = examples.filter((one) => one.kind === kind);
  const others = all.filter(({ id }) => id !== unlike?.id);
  const from = others.length === 0 ? all : others;
  return from[Math.floor(Math.random() * from.length)]!;
}

/** The example that a request belongs to, asked first or as its sequel. */
export function exampleOf(request: string): { example: Example; answer: string } | null {
  for (const example of examples) {
    if (request === example.request) return { example, answer: example.answer };
    if (request === example.next.request) return { example, answer: example.next.answer };
  }
  return null;
}
