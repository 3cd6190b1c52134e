/** The rules of .dependency-cruiser.mjs on a tree in which each of them is broken once. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const tree = mkdtempSync(join(tmpdir(), "rosa2-imports-"));
afterAll(() => rmSync(tree, { recursive: true }));

/** By file: what it imports, and the rule that forbids it. */
const broken: Record<string, { imports: string; rule: string }> = {
  "shared/src/one.ts": { imports: "shared/src/two.ts", rule: "no-circles" },
  "shared/src/low.ts": { imports: "gpu-service/src/main.ts", rule: "shared-is-below" },
  "edge/src/app.ts": { imports: "gpu-service/src/main.ts", rule: "edge-knows-no-gpu-service" },
  "edge/src/session/store/rows.ts": {
    imports: "edge/src/session/turn.ts",
    rule: "edge-store-below-session",
  },
  "gpu-service/src/main.ts": { imports: "edge/src/env.ts", rule: "gpu-service-knows-no-edge" },
  "gpu-service/src/load.ts": { imports: "gpu-service/language/a.ts", rule: "gpu-source-serves" },
  "gpu-service/src/compiler/ir/graph.ts": {
    imports: "gpu-service/src/compiler/ops/tables.ts",
    rule: "gpu-compiler-ir",
  },
  "gpu-service/src/engine/batch/scheduler.ts": {
    imports: "gpu-service/src/engine/model/model.ts",
    rule: "gpu-engine-batch",
  },
  "gpu-service/src/adapt/adapt.ts": {
    imports: "gpu-service/src/engine/model/model.ts",
    rule: "gpu-adapt",
  },
};

it("forbids circles and imports that point upward, of types too", () => {
  const targets = Object.values(broken).map(({ imports }) => [imports, "export type T = 1;\n"]);
  const sources = Object.entries(broken).map(([file, { imports }]) => [
    file,
    `import type { T } from "${"../".repeat(file.split("/").length - 1)}${imports}";\nexport type U = T;\n`,
  ]);
  const files = Object.fromEntries([
    ...targets,
    ...sources,
    ["shared/src/two.ts", 'import type { U } from "./one.ts";\nexport type T = U;\n'],
  ]);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), text as string);
  }
  const command = join(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
  const config = join(root, ".dependency-cruiser.mjs");
  const options = ["--output-type", "json", "--config", config];
  const output = execFileSync(
    process.execPath,
    [command, ...options, "gpu-service", "edge/src", "shared/src"],
    { cwd: tree, encoding: "utf8" },
  );
  const found = new Map<string, string[]>();
  for (const { from, rule } of JSON.parse(output).summary.violations) {
    found.set(from, [...(found.get(from) ?? []), rule.name]);
  }
  for (const [file, { rule }] of Object.entries(broken)) {
    expect(found.get(file), file).toContain(rule);
  }
});
