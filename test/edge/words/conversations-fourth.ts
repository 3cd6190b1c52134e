/**
 * A fourth set, written without a look at the rules or at the other sets: people who change their mind about a figure,
 * ask for a range, say what to keep beside what to change, doubt, joke, or mean the opposite of a key word. At first 14
 * of 20 passed (one failed by a criterion that was too narrow). The faults that they showed were mended afterwards.
 */
import type { Conversation } from "./conversations.ts";

const long = Array.from({ length: 140 }, (_, i) => `w${i}`).join(" ");

export const fourthConversations: Conversation[] = [
  // A figure of the request is taken back
  {
    request: "Plan a dinner for 4 people, budget 80 euros.",
    reply: "Starter: soup. Main: roast chicken. Dessert: sorbet.",
    feedback: "actually we'll be 6, same budget",
    must: ["6", "same budget", "80 euros"],
  },
  {
    request: "Find a quiet name for a hotel with 12 rooms.",
    reply: "The Twelve",
    feedback: "don't refer to the number of rooms",
    must: ["number of rooms"],
    mustNot: ["do not use numbers", "no numbers"],
  },
  // A range
  {
    request: "Suggest some board games for a family evening.",
    reply: "Chess, Monopoly",
    feedback: "between five and seven suggestions please, and nothing that takes over 2 hours",
    must: ["between five and seven", "2 hours"],
    mustNot: ["at least 2", "at most five"],
  },
  {
    request: "Write a product text for our rain jacket.",
    reply: long,
    feedback: "80-100 words is what the shop allows",
    must: ["80", "100 words"],
    mustNot: ["at most 80"],
  },
  // Key words that mean the opposite here
  {
    request: "Explain inflation.",
    reply: "Prices rise.",
    feedback: "that's way too short",
    must: ["detail"],
    mustNot: ["keep it short", "shorter"],
  },
  {
    request: "Write a speech for my sister's wedding.",
    reply: long,
    feedback: "not as formal, but don't make it shorter",
    must: ["not as formal", "don't make it shorter"],
    mustNot: ["keep it short", "at most", "a formal tone"],
  },
  {
    request: "Describe how a heat pump works.",
    reply: long,
    feedback: "I never said I wanted bullet points. And I didn't ask for French either!",
    must: ["bullet points", "French"],
    mustNot: ["answer in french", "use bullet points."],
  },
  {
    request: "Tell me about the history of Malta.",
    reply: "1. Phoenicians 2. Romans 3. Arabs",
    feedback: "is there a way to get this without the numbering?",
    must: ["without the numbering"],
  },
  // What to keep beside what to change
  {
    request: "Write a haiku about autumn.",
    reply: "Leaves fall / on the pond / and sleep",
    feedback: "love the last line. the first two need to be about the sea instead",
    must: ["last line", "the sea"],
  },
  {
    request: "Draft an agenda for Monday's meeting.",
    reply: "1. Welcome 2. Budget 3. Hiring 4. Close",
    feedback: "move hiring before budget, everything else is good",
    must: ["move hiring before budget", "everything else is good"],
  },
  // Of which of two things
  {
    request: "Compare the iPhone 15 and the Pixel 8.",
    reply: "The iPhone 15 has a better camera.",
    feedback: "compare battery life only, I don't care about the cameras",
    must: ["battery life", "camera"],
  },
  {
    request: "Convert the recipe: 2 cups flour, 1 stick butter, bake at 350.",
    reply: "2 cups flour, 1 stick butter, 350 °F",
    feedback: "grams and celsius!!",
    must: ["grams", "celsius", "2 cups flour", "350"],
  },
  {
    request: "When does the train to Leeds leave?",
    reply: "At 6:15 pm",
    feedback: "24h clock, and I meant the morning one",
    must: ["24", "morning one"],
  },
  // Doubt, jokes, irony
  {
    request: "Name the longest river of Europe.",
    reply: "The Danube",
    feedback: "hmm isn't that the Volga?",
    must: ["Volga"],
  },
  {
    request: "Give me a compliment for my boss.",
    reply: "You are a very nice manager.",
    feedback:
      "lol that's what my grandma would say 😂 something a 25 year old would write on slack",
    must: ["25 year old", "slack"],
  },
  {
    request: "Fix the grammar: he go to school every days",
    reply: "He goes to school every days.",
    feedback: "one mistake left",
    must: ["one mistake left", "he go to school every days"],
  },
  // Code and names
  {
    request: "Write a function that returns the maximum of a list.",
    reply: "def f(l): return max(l)",
    feedback: "without using max(), and with type hints. must handle an empty list",
    must: ["max()", "type hints", "empty list"],
  },
  {
    request: "Write a regex for a German postcode.",
    reply: "\\d+",
    feedback: "exactly five digits, may start with 0, anchored",
    must: ["exactly five digits", "start with 0", "anchored"],
    mustNot: ["exactly five words", "five sentences"],
  },
  // Several at once, with a reason between
  {
    request: "Recommend three novels by Japanese authors.",
    reply: "Norwegian Wood, Kokoro, Snow Country",
    feedback:
      "I've read all of Murakami already, so none of his. Something after 2010, by women, and give the year in brackets",
    must: ["Murakami", "after 2010", "women", "in brackets"],
  },
  {
    request: "Translate to Dutch: The meeting is postponed.",
    reply: "La réunion est reportée.",
    feedback: "Dutch, not French",
    must: ["Dutch", "The meeting is postponed."],
    mustNot: ["answer in french"],
  },
];
