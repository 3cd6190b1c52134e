/**
 * A third set, written without a look at the rules, in areas that the first two leave out: parts of a reply, grammar,
 * code, typing on phones, praise, contacts, languages without rules here. At first 13 of 20 passed (two failed by
 * criteria that were too narrow). The faults that they showed were mended afterwards.
 */
import type { Conversation } from "./conversations.ts";

const long = Array.from({ length: 120 }, (_, i) => `w${i}`).join(" ");

export const thirdConversations: Conversation[] = [
  // Only a part of the reply is meant
  {
    request: "Write a cover letter for a baker's job in Ghent.",
    reply: long,
    feedback: "the second paragraph is fine, but shorten the first one",
    must: ["the second paragraph is fine", "first one"],
    mustNot: ["keep the answer short"],
  },
  {
    request: "Plan a week of dinners for two.",
    reply: "Mon: pasta. Tue: soup. Wed: pizza.",
    feedback: "swap Tuesday and Wednesday, keep the rest",
    must: ["swap Tuesday and Wednesday", "keep the rest"],
  },
  // Grammar of the text: tense, person, voice, pronouns
  {
    request: "Describe our company's move to Oslo.",
    reply: "We will move to Oslo…",
    feedback: "past tense please",
    must: ["past tense"],
  },
  {
    request: "Write a job advert for a nurse.",
    reply: "He will care for…",
    feedback: "gender-neutral language, use they",
    must: ["gender-neutral", "they"],
  },
  // Mathematics and code
  {
    request: "Solve for x: 3x + 2y = 12",
    reply: "x = 4",
    feedback: "in terms of y",
    must: ["in terms of y", "3x + 2y = 12"],
  },
  {
    request: "Write a regex that matches `+32 470 12 34 56`.",
    reply: "\\d+",
    feedback: "spaces should be optional and it must run in JavaScript",
    must: ["spaces should be optional", "JavaScript", "`+32 470 12 34 56`"],
  },
  {
    request: "Why does `arr[-1]` give undefined?",
    reply: "In Python arr[-1] is the last element.",
    feedback: "I'm using JavaScript, not Python",
    must: ["JavaScript", "not Python", "`arr[-1]`"],
  },
  {
    request: "Refactor this: for(let i=0;i<n;i++){sum+=a[i]}",
    reply: "const sum = a.reduce((s, x) => s + x)",
    feedback: "no reduce! keep the loop but use const where possible",
    must: ["no reduce", "keep the loop", "const where possible"],
  },
  // Typing as people do on phones
  {
    request: "whats a good gift for my boss",
    reply: long,
    feedback: "SHORTER PLS",
    must: ["short"],
    mustNot: ["PLS"],
  },
  {
    request: "Tell me about black holes.",
    reply: long,
    feedback: "lol way 2 long",
    must: ["way 2 long"],
  },
  {
    request: "Recommend a laptop.",
    reply: "MacBook Pro 16",
    feedback: "cheaper, and it has to weigh less than 1.5 kg",
    must: ["cheap", "1.5 kg"],
  },
  // Praise with a wish; a question as a complaint
  {
    request: "Write a limerick about a goat.",
    reply: "There once was a goat from Peru…",
    feedback: "love it! now make the last line rhyme with Peru",
    must: ["last line rhyme with Peru"],
  },
  {
    request: "What are the side effects of ibuprofen?",
    reply: "Consult a doctor.",
    feedback: "why won't you just list them? I know I should see a doctor",
    must: ["list them"],
  },
  {
    request: "Summarise chapter 3.",
    reply: "Chapter 3 … Chapter 4 …",
    feedback: "you're repeating yourself, and nothing from chapter 4 please",
    must: ["nothing from chapter 4"],
  },
  // Time zones, percentages, contacts
  {
    request: "When does the call with Lima start? It's at 9:00 there.",
    reply: "14:00 UTC",
    feedback: "in Berlin time",
    must: ["Berlin time", "9:00"],
  },
  {
    request: "Prices rose from 80 to 92. How much is that?",
    reply: "12",
    feedback: "as a percentage",
    must: ["percentage", "80", "92"],
  },
  {
    request: "Write an out-of-office reply.",
    reply: "I am away.",
    feedback: "give them https://help.example.org/faq?id=7 and +44 20 7946 0018 to call",
    must: ["https://help.example.org/faq?id=7", "+44 20 7946 0018"],
  },
  // Other languages
  {
    request: "Escreve um convite para o aniversário da Rita.",
    reply: long,
    feedback: "mais curto e sem emojis",
    must: ["mais curto", "sem emojis"],
    mustNot: ["keep the answer"],
  },
  {
    request: "Nenne drei Museen in Wien.",
    reply: "Albertina, Belvedere, MoMA",
    feedback: "das MoMA ist in New York, nur Wien!",
    must: ["nur Wien"],
    mustNot: ["ich habe"],
  },
  {
    request: "Écris un toast pour le mariage de Léa et Hugo.",
    reply: long,
    feedback: "plus drôle, et ne parle pas de son ex",
    must: ["drôle", "ex", "Léa et Hugo"],
  },
];
