/** Writes the tokenizer of rosa2-mini-2 into its checkpoint directory; run it when the language's wording changes, before training. */
import { mkdirSync, writeFileSync } from "node:fs";
import { chatTemplate, tokenizerConfig, tokenizerJson } from "./tokenizer.ts";

const directory = new URL("../models/rosa2-mini-2/", import.meta.url);
mkdirSync(directory, { recursive: true });
write("tokenizer.json", `${JSON.stringify(tokenizerJson(), null, 1)}\n`);
write("tokenizer_config.json", `${JSON.stringify(tokenizerConfig(), null, 2)}\n`);
write("chat_template.jinja", chatTemplate);

function write(name: string, text: string) {
  writeFileSync(new URL(name, directory), text);
}
