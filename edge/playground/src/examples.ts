/**
 * Requests that the bundled model can be asked, one for each trap. The answers follow from the model's
 * training language; a test computes them there.
 */
export interface Example {
  id: string;
  title: string;
  /** What goes wrong, and what mends it. */
  trap: string;
  request: string;
  /** What the visitor means, in words. */
  meaning: string;
  /** What one would say about a wrong reply, if anything. */
  hint: string | null;
  answer: string;
  /** The same wish about another list: learnt once, right at once. */
  next: { request: string; answer: string };
}

export const examples: readonly Example[] = [
  {
    id: "unclear",
    title: "An unclear request",
    trap: "The model can do this; it cannot know which direction is meant. Clearer words mend it, and training on the misunderstanding would teach the wrong lesson.",
    request: "Shift each digit by one, as plain text: 6 2 9 4 1",
    meaning: "each digit down by one",
    hint: "other direction",
    answer: "5 1 8 3 0",
    next: { request: "Shift each digit by one, as plain text: 3 8 5 0 7", answer: "2 7 4 9 6" },
  },
  {
    id: "unpractised",
    title: "A skill it never practised",
    trap: "Every word is clear, but this combination was left out of the model’s training. No wording mends that; one update of the weights does.",
    request: "Take three from the start, then flip them end to end, as plain text: 2 8 1 5 3",
    meaning: "take 2 8 1, then reverse them",
    hint: null,
    answer: "1 8 2",
    next: {
      request: "Take three from the start, then flip them end to end, as plain text: 7 4 0 9 6",
      answer: "0 4 7",
    },
  },
  {
    id: "both",
    title: "Both at once",
    trap: "Unclear in two places and never practised together. Either remedy alone stops short; together they need few turns and a small change.",
    request: "Sort them, then take two, as plain text: 6 2 3 4 1",
    meaning: "largest first, then the last two",
    hint: "other order",
    answer: "2 1",
    next: { request: "Sort them, then take two, as plain text: 0 7 2 3 5", answer: "2 0" },
  },
];

/** The example that a request belongs to, asked first or as its sequel. */
export function exampleOf(request: string): { example: Example; answer: string } | null {
  for (const example of examples) {
    if (request === example.request) return { example, answer: example.answer };
    if (request === example.next.request) return { example, answer: example.next.answer };
  }
  return null;
}
