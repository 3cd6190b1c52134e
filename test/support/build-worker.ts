/** Builds the edge's Worker and its page once, before the tests that start it: each start then finds it built. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export default function buildWorker(): void {
  const folder = mkdtempSync(join(tmpdir(), "rosa2-worker-"));
  const script = fileURLToPath(new URL("../../edge/local/build.ts", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, folder], {
    encoding: "utf8",
  });
  rmSync(folder, { recursive: true });
  if (status !== 0) throw new Error(`The Worker was not built (${status})\n${stdout}${stderr}`);
}
