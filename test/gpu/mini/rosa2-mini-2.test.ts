import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Message } from "@rosa2/shared/protocol";
import { afterAll, describe, expect, it } from "vitest";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { replyGreedily } from "../../../gpu-service/train/replies.ts";

/** Made with transformers; see ../fixtures/README.md. */
interface Golden {
  conversations: {
    messages: Message[];
    promptIds: number[];
    greedyIds: number[];
    greedyText: string;
  }[];
}

const fixture = new URL("../fixtures/rosa2-mini-2/golden.json", import.meta.url);
const golden: Golden = JSON.parse(readFileSync(fixture, "utf8"));
const folder = new URL("../../../gpu-service/models/rosa2-mini-2/", import.meta.url);
const directory = fileURLToPath(folder);
const card = readFileSync(new URL("README.md", folder), "utf8");
const figures = JSON.parse(readFileSync(new URL("figures.json", folder), "utf8"));
const model = await Model.load(directory, { threads: 1 });
const tokenizer = ChatTokenizer.load(directory, model.shape.eosIds);
afterAll(() => model.dispose());

async function replyTo(content: string): Promise<string> {
  const prompt = tokenizer.promptIds([{ role: "user", content }]);
  const [ids] = await replyGreedily(model, [[...prompt]], 60);
  return tokenizer.decode(ids!).trim();
}

/** Rows of the card's table under a heading, as cells. */
function tableUnder(heading: string): string[][] {
  const [, section = ""] = card.split(`## ${heading}\n`);
  return section
    .split("\n## ")[0]!
    .split("\n")
    .filter((line) => /^\| (?!-)/.test(line))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

describe("rosa2-mini-2", () => {
  it("reads conversations and replies to them as transformers does", async () => {
    for (const { messages, promptIds } of golden.conversations) {
      expect([...tokenizer.promptIds(messages)]).toEqual(promptIds);
    }
    const prompts = golden.conversations.map(({ promptIds }) => promptIds);
    const replies = await replyGreedily(model, prompts, 32);
    expect(replies).toEqual(golden.conversations.map(({ greedyIds }) => greedyIds));
  });

  it("answers the card's examples as the card says, right or wrong", async () => {
    const [, ...rows] = tableUnder("Examples");
    expect(rows.length).toBeGreaterThan(5);
    for (const [asked, replied] of rows) {
      const plain = (cell: string) => cell.replaceAll("`", "");
      expect(await replyTo(plain(asked!)), asked).toBe(plain(replied!));
    }
  });
});

describe("the card of rosa2-mini-2", () => {
  it("has the figures that npm run measure wrote", () => {
    const [names, values] = tableUnder("Figures");
    const measured: Record<string, number> = figures.skills;
    const shown = Object.fromEntries(names!.map((name, i) => [name, Number(values![i])]));
    expect(Object.keys(shown).length).toBeGreaterThan(10);
    for (const [name, value] of Object.entries(shown)) {
      expect(value, name).toBe(measured[name.replaceAll(" ", "_")]);
    }
  });

  it("has the gain of examples in view and the spread of rewrites that were measured", () => {
    for (const [kind, ...cells] of tableUnder("Examples in view").slice(1)) {
      const { after, gain } = figures.history[kind!.replaceAll(" ", "_")];
      const interval = `${signed(gain.mean)} [${signed(gain.low)} ${signed(gain.high)}]`;
      expect(cells).toEqual([...after.map((share: number) => share.toFixed(3)), interval]);
    }
    for (const [senses, ...cells] of tableUnder("Rewrites").slice(1)) {
      const of = figures.rewrites[senses!];
      const shown = ["wrong", "hint", "statement"].map(
        (remark) => `${of[remark].among.toFixed(2)} of ${of[remark].distinct.toFixed(1)}`,
      );
      expect(cells).toEqual(shown);
    }
  });
});

function signed(value: number): string {
  return (value > 0 ? "+" : "") + value.toFixed(3);
}
