/**
 * Requests that the bundled model answers right, at least one for each of its skills. A test asks it every one.
 *
 * Long requests say which reading is meant. Where a request leaves it open ("sort them"), the model answers by habit.
 */
export const miniName = "rosa2-mini-2";

export const works: readonly { request: string; answer: string }[] = [
  { request: "sort 5 3 9 1", answer: "1 3 5 9" },
  { request: "reverse the word hello", answer: "olleh" },
  {
    request: "invite Anna to lunch on 3 May at 14:30",
    answer: "Hi Anna, join me for lunch on 3 May at 14:30. See you!",
  },
  { request: "put 4 9 2 in order", answer: "2 4 9" },
  { request: "what is the largest of 3 9 2?", answer: "9" },
  { request: "Sort them from smallest to largest, as plain text: 6 2 9 4 1", answer: "1 2 4 6 9" },
  { request: "Sort them from largest to smallest, in brackets: 3 8 0 5", answer: "[8 5 3 0]" },
  { request: "Rotate them by one to the left, as plain text: 4 7 1 9", answer: "7 1 9 4" },
  { request: "Shift each digit by two forward, in brackets: 3 1 6 2", answer: "[5 3 8 4]" },
  { request: "Shift each letter by one back, as plain text: d g b e", answer: "c f a d" },
  { request: "Flip them end to end, in brackets: 2 8 1 5 3", answer: "[3 5 1 8 2]" },
  { request: "the first two of 8 3 5 1", answer: "8 3" },
  { request: "remove duplicates from 3 1 3 2 1", answer: "3 1 2" },
  { request: "Take two that are largest, in brackets: 3 9 2 7", answer: "[9 7]" },
  { request: "Repeat each one, as plain text: 5 2 8", answer: "5 5 2 2 8 8" },
  { request: "Filter the even ones in, as plain text: 3 8 5 6 2", answer: "8 6 2" },
  {
    request: "Sort them from smallest to largest, as plain text: lamp apple river cat",
    answer: "apple cat lamp river",
  },
  {
    request: "Write a note, in a formal tone, from us: Ben, walk, lake, 5 June",
    answer: "Dear Ben, we invite you to a walk at the lake on 5 June. Kind regards",
  },
];

/** Replies to requests outside its skills can be below this probability; replies within its skills are above it. */
const sureMin = 0.8;

/** Whether a reply of the bundled model guesses at, or refuses, something that the model was never taught. */
export function isOutsideSkill(model: string | null, reply: string, confidence: number | null) {
  if (model !== miniName) return false;
  return (
    /^I (?:(?:can )?only work with short lists|do not know how\.)/.test(reply) ||
    (confidence ?? 1) < sureMin
  );
}
