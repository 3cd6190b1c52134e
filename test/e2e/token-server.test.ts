/** The small back end of the examples, unchanged: it knows its users, and a token shows its owner's sessions alone. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Rosa2 } from "../../edge/client/src/index.ts";
import { type PacedEdge, startPacedEdge } from "./browser/support/edge.ts";
import { makeStateFolder } from "./support/rosa.ts";
import { startTokenServer, type TokenServer } from "./support/token-server.ts";

const state = makeStateFolder();
let edge: PacedEdge;
let server: TokenServer;

beforeAll(async () => {
  edge = await startPacedEdge(state.path);
  server = await startTokenServer(state.path, edge, "secret-of-ann=ann,secret-of-bob=bob");
});
afterAll(async () => {
  server?.stop();
  await edge?.stop();
  state.remove();
});

function tokenOf(signIn: string): Promise<Response> {
  return fetch(server.url, { method: "POST", headers: { authorization: `Bearer ${signIn}` } });
}

function phone(signIn: string): Rosa2 {
  const apiKey = async () => ((await (await tokenOf(signIn)).json()) as { token: string }).token;
  return new Rosa2({ baseUrl: edge.url, apiKey });
}

it("gives signed-in users tokens of their own, and refuses anybody else", async () => {
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
