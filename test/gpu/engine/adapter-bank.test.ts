/** The adapters that the serving graphs read for a batch, against matrices stacked anew. */
import { pick, randomInt, seededRandom } from "@rosa2/shared/random";
import type { Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { AdapterBank } from "../../../gpu-service/src/engine/model/adapter-bank.ts";
import type { AdapterWeights } from "../../../gpu-service/src/language-model.ts";
import { makeBasis } from "../../../gpu-service/src/lora/basis.ts";
import { loraGroups, loraLength } from "../../../gpu-service/src/lora/sites.ts";
import { fixtureFolder } from "../compiler/golden.ts";

const config = {
  ...openCheckpoint(fixtureFolder("llama")).config,
  layerCount: 1,
  hiddenSize: 4,
  intermediateSize: 6,
  headCount: 2,
  kvHeadCount: 1,
  headSize: 2,
};
const groups = loraGroups(config);
const basis = (rank: number) => makeBasis(groups, rank);

function adapterOf(name: string, rank: number): AdapterWeights {
  const random = seededRandom(name);
  const B = Float32Array.from({ length: loraLength(config, rank) }, random);
  return { digest: name, rank, B };
}

/** A group's B, flat [row, out, r]. It is zero beyond an adapter's rank, and for a row without an adapter. */
function expected(adapters: readonly (AdapterWeights | null)[], name: string, rank: number) {
  const index = groups.findIndex((group) => group.name === name);
  const above = groups.slice(0, index).reduce((sum, { out }) => sum + out, 0);
  return adapters.flatMap((adapter) =>
    Array.from({ length: groups[index]!.out * rank }, (_, n) => {
      const [out, r] = [Math.floor(n / rank), n % rank];
      return adapter && r < adapter.rank ? adapter.B[(above + out) * adapter.rank + r]! : 0;
    }),
  );
}

function expectStacked(
  feeds: Record<string, Tensor>,
  adapters: readonly (AdapterWeights | null)[],
): void {
  for (const { name, in: width, out } of groups) {
    const [a, b] = [feeds[`a.${name}`]!, feeds[`b.${name}`]!];
    const rank = a.dims[0]!;
    expect(a.dims).toEqual([rank, width]);
    expect(b.dims).toEqual([adapters.length, out, rank]);
    expect(rank).toBeGreaterThan(0);
    expect(a.data).toEqual(basis(rank).get(name));
    expect([...(b.data as Float32Array)]).toEqual(expected(adapters, name, rank));
  }
}

describe("AdapterBank", () => {
  it("gives a batch the adapters of its rows, whatever came before and in any slots", () => {
    const known = [1, 2, 4].flatMap((rank) =>
      ["x", "y", "z"].map((name) => adapterOf(`${name}${rank}`, rank)),
    );
    for (let seed = 0; seed < 20; seed++) {
      const random = seededRandom(`bank ${seed}`);
      const bank = new AdapterBank(config, basis);
      let first = 0;
      let adapters: (AdapterWeights | null)[] = [];
      for (let step = 0; step < 40; step++) {
        // Mostly what a scheduler does: rows leave at either end, and others join there.
        if (random() < 0.1) first = randomInt(random, 0, 250);
        if (adapters.length > 0 && random() < 0.4) adapters = adapters.slice(0, -1);
        if (adapters.length > 0 && random() < 0.4) {
          adapters = adapters.slice(1);
          first++;
        }
        while (adapters.length === 0 || (adapters.length < 6 && random() < 0.6)) {
          adapters = [...adapters, pick(random, [null, ...known])];
        }
        expectStacked(bank.feeds(first, adapters), adapters);
      }
    }
  });

  it("has room for the largest batch twice, not for all slots", () => {
    const bank = new AdapterBank(config, basis);
    const adapters = Array.from({ length: 3 }, (_, row) => adapterOf(`${row}`, 2));
    for (let first = 0; first < 250; first++) {
      expectStacked(bank.feeds(first, adapters), adapters);
    }
    expect(bank.places).toBe(8);
  });

  it("reads a row alone from its adapter, without a copy", () => {
    const bank = new AdapterBank(config, basis);
    const adapter = adapterOf("alone", 2);
    const feeds = bank.feeds(7, [adapter]);
    expectStacked(feeds, [adapter]);
    for (const { name } of groups) {
      expect((feeds[`b.${name}`]!.data as Float32Array).buffer).toBe(adapter.B.buffer);
    }
    expect(bank.places).toBe(0);
  });

  it("has zeros for rows without adapters", () => {
    const bank = new AdapterBank(config, basis);
    expectStacked(bank.feeds(0, [null]), [null]);
    expectStacked(bank.feeds(0, [null, null]), [null, null]);
    expect(bank.places).toBe(0);
  });
});
