/**
 * `npm run newcomer`: follows the README as a new user does, who has nothing else. In a clean copy of the committed
 * files and an empty home it runs the README's commands and its snippet, on any Node. It prints how long each step took
 * and how much it left on the disk. Ends with 1 where a step fails, npm warns, or a target is missed.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { rootPath } from "../../edge/local/settings.ts";
import { Failure } from "../../shared/command/failure.ts";
import { readFlags } from "../../shared/command/flags.ts";

const usage = `npm run newcomer [-- --node VERSION]

Walks through the README in a clean folder: npm ci --omit=dev, npm start, the snippet with a session, npm run demo.
Prints the seconds of each step and the disk that the installation takes. Fetches packages; takes some minutes.

  --node VERSION    on this version of the package node, npm's own aside (the Node that runs this)
  --help            this text`;

/** Megabytes of an installation that serves, and of one that tests. */
const megabytesMax = 600;

const readme = readFileSync(join(rootPath, "README.md"), "utf8");

try {
  await walk();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function walk(): Promise<void> {
  const { node } = readFlags(usage, { node: { type: "string" } });
  const folder = mkdtempSync(join(tmpdir(), "rosa2-newcomer-"));
  const clone = join(folder, "rosa2");
  try {
    const environment = cleanEnvironment(folder, node);
    const run = (command: string) => sh(command, clone, environment);
    execFileSync("git", [
      "-c",
      "advice.detachedHead=false",
      "clone",
      "--quiet",
      "--depth=1",
      `file://${rootPath}`,
      clone,
    ]);
    console.log(
      `Node ${(await run("node --version")).trim()}, npm ${(await run("npm --version")).trim()}`,
    );
    const [install = "", start = ""] = commandsOf("npm start").split(" && ");
    await timed(install, async () => {
      const said = await run(`${install} 2>&1`);
      if (/warn|EBADENGINE/i.test(said)) throw new Failure(`${install} warns:\n${said}`);
    });
    const megabytes = Number((await run("du -sm .")).split("\t")[0]);
    console.log(`installed: ${megabytes} MB`);
    if (megabytes > megabytesMax) process.exitCode = 1;
    const service = await timed(start, () => startService(start, clone, environment));
    try {
      await timed("the README's snippet", async () => {
        const { file, reply } = snippetFile(clone, service);
        const said = await run(`node_modules/.bin/node ${file}`);
        if (said.trim() !== reply)
          throw new Failure(`The snippet should print ${reply}, and printed:\n${said}`);
      });
    } finally {
      await service.stop();
    }
    const demo = commandsOf("npm run demo");
    await timed(demo, () => run(demo));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An environment without the settings and the cache of the person who runs this, with free ports. */
function cleanEnvironment(folder: string, node: string | undefined): NodeJS.ProcessEnv {
  const home = join(folder, "home");
  mkdirSync(home);
  const paths = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((path) => !path.includes("node_modules"));
  const { NODE_EXTRA_CA_CERTS } = process.env;
  const environment = {
    // A network's own certificates: npm's configuration may name them for one version of Node only.
    ...(NODE_EXTRA_CA_CERTS === undefined ? {} : { NODE_EXTRA_CA_CERTS }),
    HOME: home,
    PATH: paths.join(delimiter),
    NO_COLOR: "1",
    PORT: "0",
    GPU_PORT: "0",
  };
  if (node === undefined) return environment;
  const prefix = join(folder, "node");
  execFileSync("npm", ["install", "--silent", "--prefix", prefix, `node@${node}`]);
  return { ...environment, PATH: [join(prefix, "node_modules/.bin"), ...paths].join(delimiter) };
}

/** The README's line of commands that contains this one, without its comment. */
function commandsOf(command: string): string {
  const line = readme
    .split("\n")
    .find((one) => one.startsWith("npm") && one.includes(command) && one.includes("#"));
  if (line === undefined) throw new Failure(`README.md shows no ${command}`);
  return line.split("#")[0]!.trim();
}

/** The README's snippet with a session, as a file that prints the new reply; the reply should be the correction. */
function snippetFile(clone: string, { url, key }: { url: string; key: string }) {
  const [, snippet = ""] = /```ts\n(import \{ Rosa2 \}[\s\S]*?)```/.exec(readme) ?? [];
  const [, reply] = /correction: "(.*)"/.exec(snippet) ?? [];
  if (reply === undefined) throw new Failure("README.md shows no snippet with a correction");
  const text = snippet
    .replace('"rosa2"', '"./edge/client/src/index.ts"')
    .replace("http://127.0.0.1:8787", url)
    .replace("rosa2_…", key);
  writeFileSync(join(clone, "snippet.mts"), `${text}\nconsole.log(retried?.reply);\n`);
  return { file: "snippet.mts", reply };
}

interface Service {
  url: string;
  key: string;
  stop(): Promise<void>;
}

async function startService(
  command: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<Service> {
  const child = spawn("sh", ["-c", `exec ${command}`], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  let said = "";
  const ready = Promise.withResolvers<RegExpExecArray>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const found = /Playground +(\S+)\/#key=(\S+)[\s\S]*Ctrl-C/.exec(said);
      if (found !== null) ready.resolve(found);
    });
  }
  const failed = ended.then(() => Promise.reject(new Failure(`${command} ended:\n${said}`)));
  const [, url = "", key = ""] = await Promise.race([ready.promise, failed]);
  failed.catch(() => {});
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
  };
  return { url, key, stop };
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  console.log(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  return result;
}

async function sh(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn("sh", ["-c", command], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, "close");
  if (code !== 0) throw new Failure(`${command} ended with ${code}:\n${said}`);
  return said;
}
