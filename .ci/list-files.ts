/**
 * Writes the README of each folder of sources: every file, with the first sentence of its header. `--check` writes
 * nothing and fails where a README is out of date or a file has no header.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { readFlagsOrExit } from "../shared/command/flags.ts";

const usage = `npm run files [-- --check]

Writes the README of each folder of sources from the first sentence of each file.

  --check  writes nothing; ends with 1 where a README is out of date
  --help   this text`;

const { check } = readFlagsOrExit(usage, { check: { type: "boolean", default: false } });

const root = fileURLToPath(new URL("..", import.meta.url));
/** Folders by the page that explains how their files work together. */
const explained = {
  "edge/README.md": ["edge/src", "edge/local", "edge/deploy", "edge/playground/src"],
  "edge/client/README.md": ["edge/client/src"],
  "gpu-service/README.md": ["gpu-service/src", "gpu-service/train"],
  "README.md": ["shared/src", "shared/command"],
};

for (const [page, folders] of Object.entries(explained)) {
  for (const folder of folders) {
    const readme = join(root, folder, "README.md");
    const text = listOf(folder, page);
    if (!check) writeFileSync(readme, text);
    else if (text !== readOrEmpty(readme))
      fail(`${folder}/README.md is out of date: npm run files`);
  }
}

function listOf(folder: string, page: string): string {
  const files = globSync("**/*.{ts,tsx,mjs}", { cwd: join(root, folder) });
  const rooms = Map.groupBy(files.sort(), (file) => dirname(file));
  const lists = [...rooms]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([room, files]) => {
      const rows = files.map((file) => `- \`${file}\`: ${firstSentence(join(folder, file))}`);
      return [...(room === "." ? [] : [`## ${room}`, ""]), ...rows].join("\n");
    });
  const head = [
    `# Files of ${folder}`,
    "",
    `Each file with the first sentence of its header; written by \`npm run files\`. How they work together:
[${page}](${relative(folder, page)}).`,
  ].join("\n");
  return `${[head, ...lists].join("\n\n")}\n`;
}

function firstSentence(file: string): string {
  const text = readFileSync(join(root, file), "utf8");
  const [, header] = /^(?:\/\/\/.*\n)?\/\*\*([\s\S]*?)\*\//.exec(text) ?? [];
  if (header === undefined) {
    fail(`${file} has no header: one sentence that says what the file does`);
    return "";
  }
  const lines = header.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trim());
  const [paragraph = ""] = lines.join("\n").trim().split("\n\n");
  return paragraph.replaceAll("\n", " ").split(/(?<=\.) (?=[A-Z`])/)[0]!;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function fail(sentence: string): void {
  console.error(sentence);
  process.exitCode = 1;
}
