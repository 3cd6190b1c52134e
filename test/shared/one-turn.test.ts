/** ONE-TURN.md links each step to a function, and each function is where the link says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(join(root, "ONE-TURN.md"), "utf8");
const links = [...page.matchAll(/\[`(\w+)`\]\(([\w./-]+)\)/g)].map(([, name, file]) => ({
  name: name!,
  file: file!,
}));

it("links every step of both paths", () => {
  const steps = page.split("\n").filter((line) => /^\| \d+ \|/.test(line));
  expect(steps.length).toBeGreaterThan(20);
  for (const step of steps) expect(step).toMatch(/\[`\w+`\]\([\w./-]+\) ?/);
});

it.each(links)("finds $name in $file", ({ name, file }) => {
  const source = readFileSync(join(root, file), "utf8");
  const declared = new RegExp(
    `^(export )?(async )?(function\\*? |class )${name}\\b|^  (async )?\\*?${name}(<\\w+>)?\\(`,
    "m",
  );
  expect(source).toMatch(declared);
});

/** A newcomer searches the lists of files for the ordinary word. */
it.each([
  ["budget", "edge/src", "accounts/spending.ts"],
  ["trust region", "gpu-service/src", "adapt/trust-region.ts"],
  ["stop strings", "gpu-service/src", "engine/batch/stop-strings.ts"],
  ["rewrites", "edge/src", "session/store/words.ts"],
  ["replay buffer", "edge/src", "session/store/replay.ts"],
  ["lease", "edge/src", "accounts/purse/purse.ts"],
])("%s: the list of %s leads to %s", (word, folder, file) => {
  const list = readFileSync(join(root, folder, "README.md"), "utf8").split("\n");
  const row = list.find((line) => line.startsWith(`- \`${file}\`: `));
  expect(row?.toLowerCase()).toContain(word);
});
