/** Files that the documentation names exist, and the GPU service's page names every room of its sources. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const skipped = new Set(["node_modules", ".git", ".rosa2", ".cache", "test-results", "dist"]);

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? [`${path}/`, ...filesBelow(path)] : [path];
  });
}

const paths = filesBelow(".");
/** The log names files that are gone. */
const documents = paths.filter((path) => path.endsWith(".md") && !/LOG|CHANGELOG/.test(path));

/** Paths of sources and folders in backticks. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)]
    .map(([, span]) => span!)
    .filter((span) => /^[\w@-][\w.@-]*(\/[\w.@-]+)*(\.(ts|tsx|py|yaml|toml)|\/)$/.test(span))
    .filter((span) => !skipped.has(span.split("/")[0]!));
}

it.each(documents)("%s names files and folders that exist", (document) => {
  const text = readFileSync(join(root, document), "utf8");
  const missing = namedIn(text).filter(
    (span) =>
      !existsSync(join(root, dirname(document), span)) &&
      !paths.some((path) => path === span || path.endsWith(`/${span}`)),
  );
  expect(missing).toEqual([]);
});

it("gpu-service/README.md names every room of gpu-service/src, and the files beside them", () => {
  const text = readFileSync(join(root, "gpu-service/README.md"), "utf8");
  const source = "gpu-service/src";
  const rooms = readdirSync(join(root, source))
    .filter((name) => name !== "release.ts" && name !== "README.md")
    .map((name) => (statSync(join(root, source, name)).isDirectory() ? `${name}/` : name));
  for (const room of [...rooms, "engine/queue/", "engine/batch/", "engine/model/", "compiler/ir/"])
    expect(text, room).toContain(`\`${room}`);
});
