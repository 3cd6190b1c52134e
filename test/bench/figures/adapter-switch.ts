/** How much longer a reply takes when its session's adapter is not the adapter of the reply before. */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { writeAdapter } from "../../../gpu-service/src/adapt/adapter-file.ts";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { loraLength } from "../../../gpu-service/src/lora/sites.ts";
import type { Context, Family, Figure } from "../figure.ts";
import { GpuProcess } from "../support/gpu-process.ts";
import { checkpointOf } from "../support/models.ts";
import { medianOf } from "../support/statistics.ts";

const rank = 8;
const cached: Figure = {
  id: "adapter_switch_cached",
  what: "added to a reply by another adapter that is cached, mini",
  unit: "ms",
  target: 1,
  bound: "at most",
};
const inline: Figure = {
  id: "adapter_switch_inline",
  what: "added to a reply by a new adapter that is sent along, mini",
  unit: "ms",
  target: 20,
  bound: "at most",
};

export const adapterSwitch: Family = {
  figures: [cached, inline],

  async *measure(wanted, context) {
    context.say("adapter_switch");
    const { same, other, sent } = await times(context);
    const sides = [
      { figure: cached, ms: other },
      { figure: inline, ms: sent },
    ];
    for (const { figure, ms } of sides) {
      if (!wanted.includes(figure)) continue;
      yield {
        figure,
        value: medianOf(ms.map((value, round) => value - same[round]!)),
        peer: null,
        note:
          `${medianOf(ms).toFixed(2)} ms a reply of 8 tokens against ${medianOf(same).toFixed(2)} with the ` +
          `same adapter again, medians of ${ms.length}, over HTTP, rank ${rank}`,
      };
    }
  },
};

/** Milliseconds of replies with the adapter of the reply before, with another known one, and with a new one. */
async function times(context: Context) {
  const rounds = context.isQuick ? 5 : 60;
  const checkpoint = openCheckpoint(checkpointOf("mini", context));
  const adapter = (name: string) => {
    const random = seededRandom(name);
    const length = loraLength(checkpoint.config, rank);
    const B = Float32Array.from({ length }, () => 0.01 * randomNormal(random));
    const { bytes, digest } = writeAdapter(checkpoint, { rank, B, parent: null });
    return { bytes: Uint8Array.from(bytes), digest };
  };
  let asked = 0;
  const request = ({ digest }: { digest: string }) => ({
    tenant: "bench",
    adapter: { digest },
    // Never the same prompt, so that no keys and values are reused.
    messages: [{ role: "user", content: `${asked++ % 10} ${asked} Reverse 1 2 3 4` }],
    sampling: { max_tokens: 8 },
  });
  const service = await GpuProcess.spawn("mini", context);
  try {
    await service.firstReply({ ...request({ digest: "" }), adapter: null });
    const pair = [adapter("a"), adapter("b")] as const;
    for (const one of pair) await service.reply(request(one), one.bytes);
    const found = { same: [] as number[], other: [] as number[], sent: [] as number[] };
    for (let round = -3; round < rounds; round++) {
      const fresh = adapter(`round ${round}`);
      await service.reply(request(pair[0]));
      const same = await service.reply(request(pair[0]));
      const other = await service.reply(request(pair[1]));
      const sent = await service.reply(request(fresh), fresh.bytes);
      if (round < 0) continue;
      found.same.push(same);
      found.other.push(other);
      found.sent.push(sent);
    }
    return found;
  } finally {
    await service.stop();
  }
}
