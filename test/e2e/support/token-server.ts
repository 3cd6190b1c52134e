/** The small back end of the examples, unchanged: it gives its signed-in users client tokens. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { choosePort } from "../../../edge/local/ports.ts";

const client = fileURLToPath(new URL("../../../edge/client/", import.meta.url));

export interface TokenServer {
  url: string;
  stop(): void;
}

/** `signIns` is written `secret=user,…`; the program is copied into the folder. */
export async function startTokenServer(
  folder: string,
  edge: { url: string; key: string },
  signIns: string,
): Promise<TokenServer> {
  const port = await choosePort(0);
  // Imports the client from its sources, where an app has the installed package.
  const source = readFileSync(join(client, "examples/token-server.ts"), "utf8");
  const program = join(folder, "token-server.ts");
  writeFileSync(program, source.replace('"rosa2"', JSON.stringify(join(client, "src/index.ts"))));
  const server = spawn(process.execPath, [program], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env.PATH ?? "",
      PORT: String(port),
      ROSA2_URL: edge.url,
      ROSA2_KEY: edge.key,
      SIGN_INS: signIns,
    },
  });
  await once(server.stdout, "data");
  return { url: `http://127.0.0.1:${port}/token`, stop: () => void server.kill() };
}
