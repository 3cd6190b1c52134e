/** A directory of links, which is how other programs that use the hub keep their downloads. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";

it("maps weights through relative symbolic links", async () => {
  const root = mkdtempSync(join(tmpdir(), "rosa2-links-"));
  const blobs = join(root, "blobs");
  const snapshot = join(root, "snapshots", "main");
  renameSync(writeRandomCheckpoint(), blobs);
  mkdirSync(snapshot, { recursive: true });
  for (const name of readdirSync(blobs))
    symlinkSync(join("..", "..", "blobs", name), join(snapshot, name));
  const [direct, linked] = [
    await Model.load(blobs, { threads: 1 }),
    await Model.load(snapshot, { threads: 1 }),
  ];
  const rows = [{ prompt: Int32Array.of(65, 66), reply: Int32Array.of(67, 68) }];
  expect(await linked.score(rows, null)).toEqual(await direct.score(rows, null));
  await direct.dispose();
  await linked.dispose();
  rmSync(root, { recursive: true });
});
