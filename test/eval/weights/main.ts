/**
 * `npm run eval:weights`: the effect of updates on replies of ordinary length, for any model that continues stories. It
 * measures KL independently of the update, on samples that are not probes.
 */
import { parseArgs } from "node:util";
import { decide } from "@rosa2/shared/schedule";
import { replayKind } from "../../../edge/src/session/policy/update-plan.ts";
import type { AdapterWeights, TokenRow } from "../../../gpu-service/src/language-model.ts";
import { drawLists, stories } from "./corrections.ts";
import { Lab, sharedTrigrams } from "./lab.ts";
import { reportedAndMeasured, selfDistillationGap } from "./lists.ts";
import { longFigures, longSessions } from "./long.ts";

const usage = `npm run eval:weights -- MODEL [praise|far|bound|long|kl|gap …] [--lists] [--sessions N] [--seed TEXT] [--tokens N] [--threads N]

What updates do to replies of ordinary length, on the model in a directory: praise, far and bound unless named.

  --lists     praise, far and bound ask requests of the drawn language instead of openings of stories; long, kl and gap
              always do
  --sessions  sessions of each habit in long, and of kl (6)
  --seed      of the sessions of long ("1")
  --tokens    of other replies that KL is measured on (1000)
  --threads   of the model (the machine's cores; 1 is quicker where others work, too)
  --help      this text`;

const figures: Record<string, (lab: Lab) => Promise<void>> = { praise, far, bound, long, kl, gap };
const { flags, model, wanted } = readArguments();
const material = flags.lists ? drawLists() : stories;
const { corrections, others, cuts, klMax } = material;
const measuredTokens = Number(flags.tokens);
const lab = await Lab.open(model, flags.threads === undefined ? undefined : Number(flags.threads));
for (const name of wanted.length > 0 ? wanted : ["praise", "far", "bound"]) {
  await figures[name]!(lab);
}
await lab.model.dispose();

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        lists: { type: "boolean", default: false },
        sessions: { type: "string", default: "6" },
        seed: { type: "string", default: "1" },
        tokens: { type: "string", default: "1000" },
        threads: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    const [model, ...wanted] = positionals;
    const unknown = wanted.find((name) => !(name in figures));
    if (unknown !== undefined) throw new Error(`${unknown} is none of the figures`);
    if (model === undefined) throw new Error("MODEL is missing");
    return { flags: values, model, wanted };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return process.exit(1);
  }
}

/**
 * Five thumbs up on five replies, then one correction whose update replays these replies as sessions do: KL, and how similar other
 * replies become.
 */
async function praise(lab: Lab): Promise<void> {
  const openings = others.slice(0, 10).map((opening) => lab.prompt(opening));
  const replies = async (adapter: AdapterWeights | null) => {
    const found: number[][] = [];
    for (const prompt of openings) found.push(await lab.greedy(prompt, adapter));
    return sharedTrigrams(found);
  };
  const praised: TokenRow[] = [];
  let adapter: AdapterWeights | null = null;
  let updates = 0;
  for (const [request] of corrections.slice(0, 5)) {
    const prompt = lab.prompt(request);
    const reply: TokenRow["reply"] = Int32Array.from(await lab.greedy(prompt, adapter));
    const [logprobs] = await lab.model.score([{ prompt, reply }], adapter);
    const S = logprobs!.reduce((sum, value) => sum + value, 0);
    const plan = decide({
      ...{ mode: "weights", reward: 1, corrected: false, spoken: false, wordsChanged: false },
      ...{ hinted: false, share: 1, attempt: 1, updates, owedNats: null, rejectedConfidence: null },
      ...{ confidence: Math.exp(S / reply.length), logprobBefore: S, logprobAfter: S },
    });
    const kind = replayKind({ kind: "accepted", logprob: S, attempt: 1 });
    if (kind !== null) praised.push({ prompt, reply, kind, weight: 1 });
    if (plan.row === null) continue;
    updates++;
    adapter = (await lab.update([{ prompt, reply, kind: plan.row.kind, weight: 1 }], adapter))
      .adapter;
  }
  const samples = await lab.samples(others, measuredTokens);
  const base = await replies(null);
  say("praise", {
    updates,
    klAfterFive: await lab.kl(samples, adapter),
    sharedTrigrams: await replies(adapter),
    base,
  });
  const [request, reply] = corrections[7]!;
  const { outcome, adapter: corrected } = await lab.update(
    [...praised, lab.row(request, reply)],
    adapter,
  );
  say("praise, then one correction", {
    decision: outcome.decision,
    reportedKl: outcome.kl,
    kl: await lab.kl(samples, corrected),
    sharedTrigrams: await replies(corrected),
    base,
  });
}

/** Thirty corrections from near to far: right, or their first eight tokens, within four feedbacks. */
async function far(lab: Lab): Promise<void> {
  const samples = await lab.samples(others, measuredTokens);
  let right = 0;
  let within = 0;
  let count = 0;
  const ratios: number[] = [];
  const times: number[] = [];
  for (const [request, text] of corrections) {
    const whole = lab.row(request, text);
    const [logprobs] = await lab.model.score([whole], null);
    for (const cut of cuts) {
      let left = cut ?? Number.NEGATIVE_INFINITY;
      const length = logprobs!.findIndex((logprob) => {
        left -= logprob;
        return left > 0;
      });
      const row = { ...whole, reply: length < 1 ? whole.reply : whole.reply.slice(0, length) };
      const S = logprobs!.slice(0, row.reply.length).reduce((sum, value) => sum + value, 0);
      let adapter: AdapterWeights | null = null;
      let isRight = false;
      let end = "";
      let reported = 0;
      for (let feedback = 0; feedback < 4 && !isRight; feedback++) {
        const { outcome, adapter: next, ms } = await lab.update([row], adapter);
        adapter = next;
        times.push(ms);
        reported = outcome.kl_base;
        end = outcome.reason;
        const length = Math.min(8, row.reply.length);
        const found = await lab.greedy(row.prompt, adapter, length);
        isRight = found.join() === [...row.reply.slice(0, length)].join();
      }
      const kl = await lab.kl(samples, adapter);
      const own = await lab.kl(await lab.samples(others, 300, adapter), adapter);
      count++;
      if (isRight && kl <= klMax) right++;
      if (kl <= klMax) within++;
      if (kl > 0.002) ratios.push(kl / reported);
      const said = { S, tokens: row.reply.length, kl, klOnNewSamples: own, reported };
      say(isRight ? "right" : "wrong", said, isRight ? "" : end);
    }
  }
  ratios.sort((a, b) => a - b);
  times.sort((a, b) => a - b);
  say("far corrections", {
    right,
    within,
    of: count,
    measuredOverReportedMin: ratios[0] ?? Number.NaN,
    measuredOverReportedMedian: ratios[ratios.length >> 1] ?? Number.NaN,
    measuredOverReportedMax: ratios.at(-1) ?? Number.NaN,
    msMedian: times[times.length >> 1]!,
    msP95: times[Math.floor(0.95 * times.length)]!,
  });
}

/** Fifty corrections in a row, poisoned or honest, under the session's bound; then one more. */
async function bound(lab: Lab): Promise<void> {
  const samples = await lab.samples(others, measuredTokens);
  const kinds = { poisoned: material.poison, honest: null };
  for (const [name, poison] of Object.entries(kinds)) {
    let adapter: AdapterWeights | null = null;
    let klMax = 0;
    let refused = 0;
    const rows: TokenRow[] = [];
    for (let i = 0; i < 50; i++) {
      const [request, reply] = corrections[i % corrections.length]!;
      const asked = i < corrections.length ? request : `${others[i % 10]} ${request}`;
      rows.push(lab.row(asked, poison ?? reply.slice(0, 24 + (i % 5))));
      const { outcome, adapter: next } = await lab.update(rows.slice(-8), adapter);
      adapter = next;
      klMax = Math.max(klMax, outcome.kl_base);
      if (outcome.decision === "rejected") refused++;
    }
    const last = lab.row(...material.last);
    const { outcome, adapter: end } = await lab.update([...rows.slice(-7), last], adapter);
    const { logprob_before, logprob_after } = outcome.rows.at(-1)!;
    say(`fifty ${name} corrections`, {
      reportedKlMax: klMax,
      measuredKl: await lab.kl(samples, adapter),
      refused,
      nextBefore: logprob_before,
      nextAfter: logprob_after,
      klAfterNext: await lab.kl(samples, end),
    });
  }
}

async function long(lab: Lab): Promise<void> {
  const options = { seed: flags.seed, sessions: Number(flags.sessions) };
  const all = await longSessions(lab, options, (habit, found) => say(habit, longFigures(found)));
  say("corrections of 20 to 80 tokens", longFigures(all));
}

/** Whether the KL that updates report equals the KL on other replies. */
async function kl(lab: Lab): Promise<void> {
  const samples = await lab.samples(drawLists().others, measuredTokens);
  const ratios: number[] = [];
  for await (const { reported, measured } of reportedAndMeasured(
    lab,
    Number(flags.sessions),
    samples,
  )) {
    ratios.push(measured / reported);
    say("update", { reported, measured });
  }
  ratios.sort((a, b) => a - b);
  say("measured over reported KL", {
    min: ratios[0]!,
    median: ratios[ratios.length >> 1]!,
    max: ratios.at(-1)!,
    withinTwo: ratios.filter((ratio) => ratio >= 0.5 && ratio <= 2).length,
    of: ratios.length,
  });
}

async function gap(lab: Lab): Promise<void> {
  say("self-distillation gap", await selfDistillationGap(lab, 40));
}

function say(what: string, values: Record<string, number | string>, more = ""): void {
  const parts = Object.entries(values).map(
    ([name, value]) =>
      `${name} ${typeof value === "number" ? Number(value.toPrecision(3)) : value}`,
  );
  console.log(`${what}: ${parts.join(", ")}${more && ` (${more})`}`);
}
