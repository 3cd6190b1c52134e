/** ONE-TURN.md links each step to a function; the functions are where it says. */
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
