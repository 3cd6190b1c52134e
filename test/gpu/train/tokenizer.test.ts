import { readFileSync } from "node:fs";
import { pick, randomInt, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { kinds, listKinds } from "../../../gpu-service/language/items.ts";
import { drawSample } from "../../../gpu-service/language/samples.ts";
import { render } from "../../../gpu-service/language/task.ts";
import { Template } from "../../../gpu-service/src/tokenizer/jinja/template.ts";
import { conversationEncoder, readTokenizer } from "../../../gpu-service/train/conversation.ts";
import {
  chatTemplate,
  tokenizerConfig,
  tokenizerJson,
} from "../../../gpu-service/train/tokenizer.ts";
import { readVocabulary } from "../../../gpu-service/train/vocabulary.ts";
import golden from "./fixtures/tokenizer-golden.json" with { type: "json" };

const directory = new URL("../../../gpu-service/models/rosa2-mini-2/", import.meta.url);
const tokenizer = readTokenizer(directory);
const built = tokenizerJson();
const template = new Template(chatTemplate);

function tokensOf(text: string): string[] {
  return tokenizer.encode(text).tokens;
}

describe("the tokenizer of rosa2-mini-2", () => {
  it("lies in the checkpoint as the training language builds it", () => {
    const read = (name: string) => readFileSync(new URL(name, directory), "utf8");
    expect(JSON.parse(read("tokenizer.json"))).toEqual(built);
    expect(JSON.parse(read("tokenizer_config.json"))).toEqual(tokenizerConfig());
    expect(read("chat_template.jinja")).toBe(chatTemplate);
  });

  it("has a modest vocabulary with ids from 0 and every byte", () => {
    const vocabulary = built.model.vocab;
    const ids = Object.values(vocabulary).sort((a, b) => a - b);
    expect(ids).toEqual([...ids.keys()]);
    expect(ids.length).toBeLessThan(1600);
    for (let byte = 0; byte < 256; byte++) {
      const name = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
      expect(vocabulary).toHaveProperty([name]);
    }
  });

  it("keeps the first model's ids, so that its weights can be trained on", () => {
    const first = readVocabulary(new URL("../rosa2-mini/", directory));
    expect(readVocabulary(directory).slice(0, first.length)).toEqual(first);
  });

  it("gives a number of two digits one token, and a longer one a token for each digit", () => {
    expect(tokensOf("sort 12 5 305")).toEqual(["▁sort", "▁12", "▁5", "▁3", "0", "5"]);
    expect(tokensOf("10,20")).toEqual(["▁10", ",\u2060", "▁20"]);
  });

  it.each([...listKinds, "nouns"] as const)(
    "gives each of the %s the same token wherever it stands in a list",
    (kind) => {
      const { items } = kinds[kind];
      const alone = items.map((item) => tokensOf(item));
      expect(alone.every((tokens) => tokens.length === 1)).toBe(true);
      const list = alone.flat();
      const middle = (text: string) => tokensOf(text).filter((token) => list.includes(token));
      expect(tokensOf(render(items, "plain"))).toEqual(list);
      expect(tokensOf(render(items, "brackets")).slice(1, -1)).toEqual(list);
      expect(tokensOf(render(items, "quotes")).slice(1, -1)).toEqual(list);
      expect(tokensOf(`Sort them: ${items.join(" ")}`).slice(-items.length)).toEqual(list);
      expect(middle(`:${items.join(",")}`)).toEqual(list);
      expect(middle(`:\n${items.join(", ")}`)).toEqual(list);
    },
  );

  it("gives any text back, whatever it is made of", () => {
    const random = seededRandom(8);
    const pieces = [
      ..."abzXYZ019 .,:;!?\"'[](){}\n\t-_=+/\\éß☃世🙂<>|~$&^%#@*`",
      "  ",
      "them ",
      ", ",
    ];
    for (let i = 0; i < 2000; i++) {
      const length = randomInt(random, 1, 30);
      const text = Array.from({ length }, () => pick(random, pieces)).join("");
      expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text);
    }
  });

  it("spells no word of the training language letter by letter, except made-up ones", () => {
    const random = seededRandom(9);
    const seen = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      for (const { content } of drawSample(random)) {
        // A word is spelled, or the reply to it.
        if (/backwards|\bspell\b|the word/i.test(content) || !content.includes(" ")) continue;
        for (const word of content.match(/[A-Za-z]{2,}/g) ?? []) {
          seen.set(word, (seen.get(word) ?? 0) + 1);
        }
      }
    }
    // A made-up word hardly comes twice in two conversations.
    const known = [...seen.keys()].filter((word) => seen.get(word)! > 12);
    expect(known.length).toBeGreaterThan(300);
    const spelled = known.filter((word) =>
      tokensOf(` ${word}`).some((token) => /^[A-Za-z]$|^<0x/.test(token)),
    );
    expect(spelled).toEqual([]);
  });

  it("agrees with transformers token by token", () => {
    expect(golden.texts.length).toBeGreaterThan(15);
    for (const { text, tokens, decoded } of golden.texts) {
      expect(tokensOf(text), JSON.stringify(text)).toEqual(tokens);
      expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(decoded);
    }
  });
});

describe("the chat template of rosa2-mini-2", () => {
  it("renders as transformers renders it", () => {
    for (const { messages, open, closed } of golden.conversations) {
      expect(template.render({ messages, add_generation_prompt: true })).toBe(open);
      expect(template.render({ messages, add_generation_prompt: false })).toBe(closed);
    }
  });

  it("is what conversations are encoded as for training", () => {
    const random = seededRandom(10);
    const encode = conversationEncoder(tokenizer);
    for (let i = 0; i < 500; i++) {
      const messages = drawSample(random);
      const rendered = template.render({ messages, add_generation_prompt: false });
      const { ids, learn } = encode(messages);
      expect(ids).toEqual(tokenizer.encode(rendered).ids);
      expect(learn.at(-1)).toBe(true);
      expect(learn[0]).toBe(false);
    }
  });
});
