/**
 * `npm run eval:weights`: what updates do to replies of ordinary length, on any model that
 * continues stories. It measures KL apart from the update, on samples that are no probes.
 */
import { decide } from "@rosa2/shared/schedule";
import { readFlagsOrExit } from "../../../edge/local/flags.ts";
import type { AdapterWeights, TokenRow } from "../../../gpu-service/src/language-model.ts";
import { families, otherOpenings } from "./corrections.ts";
import { Lab, sharedTrigrams } from "./lab.ts";
import { longCorrections, selfDistillationGap } from "./lists.ts";

const usage = `npm run eval:weights -- MODEL [praise|far|bound|long|gap …]

What updates do to replies of ordinary length, on the model in a directory: praise, far and bound unless named.

  --help    this text`;

const args = process.argv.slice(2);
readFlagsOrExit(
  usage,
  {},
  args.filter((arg) => arg.startsWith("-")),
);
const [model, ...wanted] = args;
if (model === undefined) {
  console.error(usage);
  process.exit(1);
}
const figures: Record<string, (lab: Lab) => Promise<void>> = { praise, far, bound, long, gap };
/** Those of the drawn language are asked for by name. */
const stories = ["praise", "far", "bound"];
const lab = await Lab.open(model);
for (const name of wanted.length > 0 ? wanted : stories) await figures[name]!(lab);
await lab.model.dispose();

/** Five thumbs up on five replies, then one correction that holds them: KL, and how alike other replies become. */
async function praise(lab: Lab): Promise<void> {
  const others = otherOpenings.map((opening) => lab.prompt(opening));
  const replies = async (adapter: AdapterWeights | null) => {
    const found: number[][] = [];
    for (const prompt of others) found.push(await lab.greedy(prompt, adapter));
    return sharedTrigrams(found);
  };
  const praised: TokenRow[] = [];
  let adapter: AdapterWeights | null = null;
  let updates = 0;
  for (const [request] of families.slice(0, 5)) {
    const prompt = lab.prompt(request);
    const reply = Int32Array.from(await lab.greedy(prompt, adapter));
    const [logprobs] = await lab.model.score([{ prompt, reply }], adapter);
    const S = logprobs!.reduce((sum, value) => sum + value, 0);
    const plan = decide({
      ...{ mode: "weights", reward: 1, corrected: false, spoken: false, wordsChanged: false },
      ...{ hinted: false, share: 1, attempt: 1, updates, owedNats: null, rejectedConfidence: null },
      ...{ confidence: Math.exp(S / reply.length), logprobBefore: S, logprobAfter: S },
    });
    praised.push({ prompt, reply, kind: "held", weight: 1 });
    if (plan.row === null) continue;
    updates++;
    adapter = (await lab.update([{ ...praised.at(-1)!, kind: plan.row.kind }], adapter)).adapter;
  }
  const samples = await lab.samples(otherOpenings, 1000);
  const base = await replies(null);
  say("praise", {
    updates,
    klAfterFive: await lab.kl(samples, adapter),
    sharedTrigrams: await replies(adapter),
    base,
  });
  const [request, reply] = families[7]!;
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
  const samples = await lab.samples(otherOpenings, 1000);
  let right = 0;
  let within = 0;
  let count = 0;
  const ratios: number[] = [];
  const times: number[] = [];
  for (const [request, text] of families) {
    const whole = lab.row(request, text);
    const [logprobs] = await lab.model.score([whole], null);
    for (const S of [-8, -24, -45]) {
      let left = S;
      const length = logprobs!.findIndex((logprob) => {
        left -= logprob;
        return left > 0;
      });
      const row = { ...whole, reply: length < 1 ? whole.reply : whole.reply.slice(0, length) };
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
      const own = await lab.kl(await lab.samples(otherOpenings, 300, adapter), adapter);
      count++;
      if (isRight && kl <= 0.25) right++;
      if (kl <= 0.25) within++;
      if (kl > 0.002) ratios.push(kl / reported);
      const said = { tokens: row.reply.length, kl, klOnNewSamples: own, reported };
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
  const samples = await lab.samples(otherOpenings, 1000);
  const kinds = { poisoned: families[5]![1], honest: null };
  for (const [name, poison] of Object.entries(kinds)) {
    let adapter: AdapterWeights | null = null;
    let klMax = 0;
    let refused = 0;
    const rows: TokenRow[] = [];
    for (let i = 0; i < 50; i++) {
      const [request, reply] = families[i % families.length]!;
      const asked = i < families.length ? request : `${otherOpenings[i % 10]} ${request}`;
      rows.push(lab.row(asked, poison ?? reply.slice(0, 24 + (i % 5))));
      const { outcome, adapter: next } = await lab.update(rows.slice(-8), adapter);
      adapter = next;
      klMax = Math.max(klMax, outcome.kl_base);
      if (outcome.decision === "rejected") refused++;
    }
    const last = lab.row("The red fox", " ran fast.");
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
  const outcome = await longCorrections(lab, Number(process.env.SESSIONS ?? 12));
  say("corrections of 20 to 80 tokens", { ...outcome });
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
