/** Checks a model's rewrite as what it is, data: shape, bounds, and that the user's own facts survived. */
import { z } from "zod";
import { languageOf } from "../language.ts";
import { neutraliseNote, neutraliseRequest } from "../neutralise.ts";
import type { Proposal, RewriteTask } from "./provider.ts";

/** Share of the request's longer words that a rewrite must keep: it may clarify, not wander. */
const keptShareMin = 0.5;

export const proposalSchema = z.object({
  rewritten: z.string().min(1).max(65_536),
  diagnosis: z.enum(["ambiguous", "incapable", "both", "unclear_feedback"]).default("ambiguous"),
  constraints: z.array(z.string().max(400)).max(12).default([]),
  ruledOut: z.array(z.string().max(400)).max(12).default([]),
  confidence: z.number().min(0).max(1).default(0.5),
});

/** The checked proposal, or in one sentence what is wrong with it. */
export function checkProposal(
  raw: unknown,
  task: RewriteTask,
): { ok: true; proposal: Proposal } | { ok: false; fault: string } {
  const parsed = proposalSchema.safeParse(typeof raw === "string" ? parseJson(raw) : raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      ok: false,
      fault: `The answer does not fit the schema: ${issue?.path.join(".")} ${issue?.message}`,
    };
  }
  const rewritten = neutraliseRequest(parsed.data.rewritten).trim();
  const fault = faultOf(rewritten, task);
  if (fault !== null) return { ok: false, fault };
  const clean = (texts: string[]) => texts.map((text) => neutraliseNote(text, 240)).filter(Boolean);
  const proposal = {
    ...parsed.data,
    rewritten,
    constraints: clean(parsed.data.constraints),
    ruledOut: clean(parsed.data.ruledOut),
  };
  return { ok: true, proposal };
}

function faultOf(
  rewritten: string,
  { request, attempts, constraints }: RewriteTask,
): string | null {
  if (rewritten === "") return "The rewritten request is empty.";
  const added = constraints.reduce((sum, text) => sum + text.length, 0);
  if (rewritten.length > 2 * request.length + added) {
    return "The rewritten request is more than twice as long as the request.";
  }
  const lost = protectedParts(request).filter(
    (part) => countOf(part, rewritten) < countOf(part, request),
  );
  if (lost.length > 0) {
    return `The rewritten request must keep these parts unchanged: ${lost.slice(0, 8).join(" · ")}`;
  }
  const said = [request, ...constraints, ...attempts.map(({ feedback }) => feedback)].join("\n");
  const roles =
    /(?:^|\n)\s*(?:#+\s*)?(?:system|assistant|developer|tool)\s*[:：]|<[|｜]|\[\/?INST\]/iu;
  if (roles.test(rewritten) && !roles.test(request)) {
    return "The rewritten request must not contain role markers.";
  }
  if (keptShare(request, rewritten) < keptShareMin) {
    return "The rewritten request must stay with the user's own words.";
  }
  const [from, to] = [languageOf(request), languageOf(rewritten)];
  const isLong = request.split(/\s+/u).length >= 5;
  if (isLong && from !== null && to !== null && from !== to && languageOf(said) === from) {
    return "The rewritten request must be in the language of the request.";
  }
  return null;
}

/** Numbers, quotations, code, links, names and a list at the end: what a rewrite may not drop or change. */
export function protectedParts(request: string): string[] {
  const parts = new Set<string>();
  const patterns = [
    /```[\s\S]*?```|`[^`\n]+`/gu,
    /"[^"\n]+"|“[^”\n]+”|«[^»\n]+»/gu,
    /https?:\/\/[^\s)>\]]+|[\w.+-]+@[\w-]+\.[\w.]+/gu,
    /(?<![\p{L}\d])[$€£#]?\d+(?:[.,:/-]\d+)*%?/gu,
    /(?<=[\p{L}\p{N},;:)]\s)\p{Lu}[\p{L}\p{N}'’-]*/gu,
  ];
  for (const pattern of patterns) {
    for (const [match] of request.matchAll(pattern)) {
      const part = match.startsWith("http") ? match.replace(/[.,;:!?]+$/u, "") : match;
      if (part !== "I") parts.add(part);
    }
  }
  const list = listedData(request);
  if (list !== null) parts.add(list);
  return [...parts];
}

/** What follows the last colon where it is a list rather than a sentence: items without a common word among them. */
function listedData(request: string): string | null {
  const data = /:\s*([^\n:.!?]{3,2000})$/u.exec(request.trim())?.[1];
  const items = data?.split(/[\s,]+/u) ?? [];
  if (data === undefined || items.length < 2) return null;
  const isList = items.every((item) => item.length <= 2) || languageOf(data) === null;
  return isList ? data : null;
}

/** How often a part stands in a text by itself: "4" is not in "14". */
function countOf(part: string, text: string): number {
  const isWordy = (character: string | undefined) =>
    character !== undefined && /[\p{L}\p{N}]/u.test(character);
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) {
    const isCut =
      (isWordy(part[0]) && isWordy(text[at - 1])) ||
      (isWordy(part.at(-1)) && isWordy(text[at + part.length]));
    if (!isCut) count++;
  }
  return count;
}

function keptShare(request: string, rewritten: string): number {
  const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) ?? []);
  const own = words(request);
  if (own.size === 0) return 1;
  const kept = words(rewritten);
  return [...own].filter((word) => kept.has(word)).length / own.size;
}

/** JSON as models write it, with or without a fence around it. */
function parseJson(text: string): unknown {
  const body = /```(?:json)?\s*([\s\S]*?)```/u.exec(text)?.[1] ?? text;
  const [from, to] = [body.indexOf("{"), body.lastIndexOf("}")];
  if (from < 0 || to < from) return null;
  try {
    return JSON.parse(body.slice(from, to + 1));
  } catch {
    return null;
  }
}
