/** What lies outside the model's domain, and small talk: requests without a list, each with its fixed reply. */
import { pick, type Random } from "@rosa2/shared/random";
import type { Exchange } from "./base-skills.ts";
import { drawSyllables } from "./everyday.ts";

/** The one answer to everything the model cannot do. */
const outsideReply =
  "I only work with short lists and notes. Try: sort 5 3 9 1, or: write a note: Anna, lunch, 3 May, 14:30. For more, start rosa2 with another MODEL.";
const greetingReply = "Hello! Give me a short list and say what to do with it, like: sort 5 3 9 1.";
/** To a remark about which the model can do nothing. */
export const beyondReply = "I do not know how. Show me the right reply, and I learn it.";
const thanksReply = "You are welcome.";
const abilitiesReply =
  "I can sort, shift, rotate, flip, take, filter, repeat and count short lists and write short notes, and I learn from your corrections.";
const selfReply =
  "I am rosa2-mini, a very small model for short lists and notes. Correct me and I learn it in this conversation.";

const subjects = (
  "the weather, the news, the capital of France, a good book, the moon landing, my job, music, love, history, " +
  "the stock market, a poem, my dog, football, cooking, the universe, a holiday in Spain, physics, art, " +
  "my neighbour, the president, chess, a birthday party, politics, money, health, a long journey, the sea, " +
  "climate change, an old friend, the internet, computers, a new car, coffee, my family, school, the future"
).split(", ");
const tasks = (
  "write a poem about, tell me about, explain, write a story about, give me advice on, what do you think about, " +
  "tell me a joke about, what is new about, why do people like, write an email about, summarize, describe, " +
  "write a song about, help me with, what should I know about, teach me about, write an essay about, who invented, " +
  "how do I learn about, when did people start to like"
).split(", ");
const questions = [
  "What is the capital of France?",
  "Who wrote this book?",
  "What time is it?",
  "How is the weather today?",
  "Translate this sentence into German.",
  "Translate good morning into French.",
  "Book a flight to London.",
  "Write code for a web page.",
  "Fix the bug in my program.",
  "What is the meaning of life?",
  "How old are you?",
  "Where do you live?",
  "Who is the president?",
  "Tell me a joke.",
  "Sing me a song.",
  "What should we eat tonight?",
  "How do I get to the station?",
  "Is it going to rain tomorrow?",
  "Can you call my mother?",
  "Set an alarm for seven.",
  "Draw a picture of a house.",
  "What is the square root of a large number?",
  "How far away is the sun?",
  "Play some music.",
  "Which film should I watch?",
  "Do you like me?",
  "Make me a sandwich.",
  "What happened in the year nineteen eighty?",
  "How many people live in London?",
  "Solve this equation for me.",
];
const greetings = [
  "Hello",
  "hello",
  "Hi",
  "hi",
  "Hello!",
  "Hi there",
  "Hey",
  "hey",
  "Good morning",
  "Good evening",
  "How are you?",
];
const thanks = ["Thanks", "thanks", "Thank you", "Thanks!", "Thank you very much", "Great, thanks"];
const abilities = [
  "What can you do?",
  "What are you able to do?",
  "Help",
  "help",
  "what can you do",
  "How do you work?",
  "What do you know?",
];
const selves = [
  "Who are you?",
  "who are you",
  "What are you?",
  "What is your name?",
  "Are you a model?",
  "Which model is this?",
];

/** A request with no list to work on. */
export function drawOutside(random: Random): Exchange {
  const u = random();
  if (u < 0.1) return { request: pick(random, greetings), reply: greetingReply };
  if (u < 0.2) return { request: pick(random, thanks), reply: thanksReply };
  if (u < 0.28) return { request: pick(random, abilities), reply: abilitiesReply };
  if (u < 0.34) return { request: pick(random, selves), reply: selfReply };
  return drawBeyond(random, u < 0.5);
}

/** A request that the model cannot carry out: one of a few plain questions, or a task about a subject. */
export function drawBeyond(random: Random, isQuestion: boolean): Exchange {
  if (isQuestion) return { request: pick(random, questions), reply: outsideReply };
  const subject = random() < 0.2 ? `${drawSyllables(random)} ${drawSyllables(random)}` : null;
  const asked = `${pick(random, tasks)} ${subject ?? pick(random, subjects)}`;
  const capital = random() < 0.7 ? asked[0]!.toUpperCase() + asked.slice(1) : asked;
  const request = random() < 0.7 ? capital : `Please ${asked}`;
  return { request: `${request}${pick(random, ["", ".", "?"])}`, reply: outsideReply };
}
