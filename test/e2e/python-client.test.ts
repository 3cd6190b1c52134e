/**
 * What OpenAI's Python client can do with the real Worker over HTTP; a stand-in replaces the GPU service. It prints the
 * Python rows of the table in edge/CLIENTS.md. test/edge/clients.test.ts prints the other rows.
 */
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toolReplies } from "../support/tool-replies.ts";
import { type PacedEdge, startPacedEdge } from "./browser/support/edge.ts";
import { makeStateFolder } from "./support/rosa.ts";

const python = process.env.PYTHON ?? "python3";
const hasOpenai = spawnSync(python, ["-c", "import openai, pydantic"]).status === 0;
if (!hasOpenai) {
  console.log(`Skipped: ${python} has no package openai (PYTHON names another Python)`);
}
const script = fileURLToPath(new URL("./python/openai_clients.py", import.meta.url));
const table = readFileSync(new URL("../../edge/CLIENTS.md", import.meta.url), "utf8");

const must = {
  text: "echo: hi",
  stream: "echo: hi",
  abort: "left",
  tools: "It rains.",
  parallel_tools: 2,
  json_schema: { city: "Oslo" },
  thinking: "Hm, so.",
  history: "echo: two",
  errors: 404,
};

describe.skipIf(!hasOpenai)("OpenAI's Python client", () => {
  const state = makeStateFolder();
  let edge: PacedEdge;
  beforeAll(async () => {
    edge = await startPacedEdge(state.path);
  });
  afterAll(async () => {
    await edge?.stop();
    state.remove();
  });

  it("does what edge/CLIENTS.md says", async () => {
    await edge.behave({ replies: toolReplies, deltaMs: 5, reasoning: "Hm, so." });
    const env = { ...process.env, ROSA2_URL: edge.url, ROSA2_KEY: edge.key };
    // The stand-in runs in this process, so this process must not block while the script runs.
    const { stdout } = await promisify(execFile)(python, [script], { env });
    const found = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
    for (const [name, results] of Object.entries(found)) {
      expect(results, name).toEqual(must);
      const cells = Object.keys(must).map(() => "yes");
      expect(table).toContain(`| openai in Python: ${name} | ${cells.join(" | ")} |`);
    }
    const prompts = (await edge.calls()).map(({ messages }) =>
      messages.map(({ content }) => content).join(" / "),
    );
    // Both interfaces showed the model the earlier messages.
    expect(prompts.filter((prompt) => prompt === "one / echo: one / two")).toHaveLength(2);
  });
});
