/** The small back end of the examples, as it stands: it knows its users, and its tokens see their owner's sessions alone. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Rosa2 } from "../../edge/client/src/index.ts";
import { choosePort } from "../../edge/local/ports.ts";
import { type PacedEdge, startPacedEdge } from "./browser/support/edge.ts";
import { makeStateFolder } from "./support/rosa.ts";

const client = fileURLToPath(new URL("../../edge/client/", import.meta.url));
const state = makeStateFolder();
let edge: PacedEdge;
let server: ChildProcess;
let tokenUrl: string;

beforeAll(async () => {
  edge = await startPacedEdge(state.path);
  const port = await choosePort(0);
  tokenUrl = `http://127.0.0.1:${port}/token`;
  // The client from its sources, where an app has it installed.
  const source = readFileSync(join(client, "examples/token-server.ts"), "utf8");
  const program = join(state.path, "token-server.ts");
  writeFileSync(program, source.replace('"rosa2"', JSON.stringify(join(client, "src/index.ts"))));
  server = spawn(process.execPath, [program], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env.PATH ?? "",
      PORT: String(port),
      ROSA2_URL: edge.url,
      ROSA2_KEY: edge.key,
      SIGN_INS: "secret-of-ann=ann,secret-of-bob=bob",
    },
  });
  if (server.stdout !== null) await once(server.stdout, "data");
});
afterAll(async () => {
  server?.kill();
  await edge?.stop();
  state.remove();
});

function tokenOf(signIn: string): Promise<Response> {
  return fetch(tokenUrl, { method: "POST", headers: { authorization: `Bearer ${signIn}` } });
}

function phone(signIn: string): Rosa2 {
  const apiKey = async () => ((await (await tokenOf(signIn)).json()) as { token: string }).token;
  return new Rosa2({ baseUrl: edge.url, apiKey });
}

it("gives signed-in users tokens of their own, and nobody else any", async () => {
  const [ann, bob] = [phone("secret-of-ann"), phone("secret-of-bob")];
  const session = await ann.createSession();
  expect((await session.ask("hello")).reply).toBe("echo: hello");
  expect((await session.read()).owner).toBe("ann");
  await expect(bob.session(session.id).read()).rejects.toMatchObject({ status: 404 });
  expect((await tokenOf("a guess")).status).toBe(401);
  expect((await tokenOf("")).status).toBe(401);
  const given = await (await tokenOf("secret-of-ann")).text();
  expect(given).not.toContain(edge.key);
});
