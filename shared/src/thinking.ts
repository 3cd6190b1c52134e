/** The think block that some models write before their answer. The answer is what is judged and learned. */

const end = "</think>";

/** The answer alone: answers are compared, not trains of thought. */
export function answerOf(text: string): string {
  return splitThought(text).answer.trim();
}

/** A reply split into its think block, with the line breaks after it, and its answer; the block is "" if there is none. */
export function splitThought(text: string): { thought: string; answer: string } {
  const at = text.lastIndexOf(end);
  if (at < 0) return { thought: "", answer: text };
  const rest = text.slice(at + end.length);
  const answer = rest.replace(/^\n+/, "");
  return { thought: text.slice(0, text.length - answer.length), answer };
}
