/** Whether erased text is left on the disk: every file of the state folder is searched. */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeStateFolder, Rosa } from "./support/rosa.ts";

const state = makeStateFolder();
afterAll(() => state.remove());

const words = {
  title: "Quixotic-Title-7f3a",
  instructions: "Answer as Zephyrine-Instruction-91bc would.",
  content: "Zig them, then sort them, in brackets: 4 7 1 Marmalade-Request-55de",
  text: "always call it Obelisk-Remark-c20f",
  correction: "Periwinkle-Correction-8e41",
};
const marks = Object.values(words).map((text) => /\w+-\w+-[0-9a-f]{4}/.exec(text)?.[0] ?? "");

/** Files of the state folder that contain a mark, as UTF-8 or UTF-16. */
function filesWith(mark: string): string[] {
  const found: string[] = [];
  const look = (folder: string) => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) look(path);
      else {
        const bytes = readFileSync(path);
        if (bytes.includes(mark) || bytes.includes(Buffer.from(mark, "utf16le"))) {
          found.push(path.slice(state.path.length + 1));
        }
      }
    }
  };
  look(state.path);
  return found;
}

async function call(
  rosa: Rosa,
  method: string,
  path: string,
  body?: object,
): Promise<{ id: string }> {
  const response = await fetch(rosa.url + path, {
    method,
    headers: {
      authorization: `Bearer ${rosa.key}`,
      ...(body === undefined
        ? {}
        : { "content-type": "application/json", "idempotency-key": randomUUID() }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status).toBeLessThan(300);
  return (await response.json()) as { id: string };
}

describe("erased text", () => {
  it("is in no file any more: sessions, accounts, logs", async () => {
    const rosa = await Rosa.start(state.path);
    try {
      const { title, instructions, content, text, correction } = words;
      const { id } = await rosa.openSession({ title, instructions, metadata: { of: marks[0] } });
      const turn = await rosa.ask(id, content);
      await rosa.judge(turn, { reward: -1, text, correction, retry: true });
      // An answer that is saved by its key, outside the session, shows the title too.
      await call(rosa, "POST", `/v1/sessions/${id}/fork`, { title }).then(async (fork) => {
        await call(rosa, "DELETE", `/v1/sessions/${fork.id}`);
      });
      for (const mark of marks) expect(filesWith(mark), mark).not.toEqual([]);
      await call(rosa, "DELETE", `/v1/sessions/${id}`);
    } finally {
      // When it ends, it rewrites its databases.
      await rosa.process.stop("SIGTERM");
    }
    for (const mark of marks) expect(filesWith(mark), mark).toEqual([]);
  }, 540_000);
});
