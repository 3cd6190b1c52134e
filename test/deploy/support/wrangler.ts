/**
 * A stand-in for wrangler with an account: it keeps databases, buckets, secrets and Workers in a folder,
 * notes every call, and refuses what the platform refuses. D1 and the deployed Worker are the real ones,
 * run by the real wrangler on this machine.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNames } from "../../../edge/deploy/resources.ts";
import { wranglerScript } from "../../../edge/local/wrangler-script.ts";

export interface Account {
  loggedIn: boolean;
  accounts: { id: string; name: string }[];
  databases: { uuid: string; name: string }[];
  buckets: string[];
  /** Secrets by Worker. */
  workers: Record<string, Record<string, string>>;
  /** A command that fails once. */
  failing: string | null;
  port: number;
  pid: number | null;
}

const folder = process.env.STANDIN_ACCOUNT ?? "";
const accountFile = join(folder, "account.json");
const account = JSON.parse(readFileSync(accountFile, "utf8")) as Account;
const option = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    ...{ config: option, env: option, command: option, format: option, output: option },
    ...{ "secrets-file": option, file: option, json: flag, remote: flag, yes: flag },
    ...{ "skip-confirmation": flag, "no-schema": flag, table: { type: "string", multiple: true } },
  },
});
const { config: configPath = "", env = "" } = values;
const command = positionals.join(" ");
appendFileSync(join(folder, "calls.txt"), `${command}\n`);

if (account.failing !== null && command.startsWith(account.failing)) {
  account.failing = null;
  save();
  fail("Internal server error [code: 7500]");
}
if (positionals[0] === "whoami") {
  const { loggedIn, accounts } = account;
  console.log(JSON.stringify(loggedIn ? { loggedIn, accounts } : { loggedIn }));
  process.exit(loggedIn ? 0 : 1);
}
if (!account.loggedIn) fail("You are not authenticated.");
const names = readNames(configPath, env);
const { worker } = names;

switch (positionals.slice(0, 2).join(" ")) {
  case "d1 list":
    console.log(JSON.stringify(account.databases));
    break;
  case "d1 create": {
    const name = positionals[2] ?? "";
    if (account.databases.some((database) => database.name === name)) fail("already exists");
    account.databases.push({ uuid: crypto.randomUUID(), name });
    save();
    console.log(`✅ Successfully created DB '${name}'`);
    break;
  }
  case "d1 migrations":
    requireDatabase();
    local(["d1", "migrations", "apply", "DB"]);
    break;
  case "d1 execute":
    requireDatabase();
    local([
      ...["d1", "execute", "DB", "--yes", "--json"],
      ...(values.file === undefined
        ? ["--command", values.command ?? ""]
        : ["--file", values.file]),
    ]);
    break;
  case "d1 export":
    requireDatabase();
    // The real wrangler finds databases only below the configuration's folder.
    local(
      [
        ...["d1", "export", "DB", "--skip-confirmation", "--output", values.output ?? ""],
        ...(values["no-schema"] === true ? ["--no-schema"] : []),
        ...(values.table ?? []).flatMap((name) => ["--table", name]),
      ],
      [],
    );
    break;
  case "r2 object":
    if (!account.buckets.includes(positionals[3]?.split("/")[0] ?? "")) fail("no such bucket");
    local([...positionals, "--file", values.file ?? ""]);
    break;
  case "r2 bucket": {
    const [, , verb, name = ""] = positionals;
    if (verb === "info" && !account.buckets.includes(name)) {
      fail("The specified bucket does not exist. [code: 10006]");
    }
    if (verb === "create") account.buckets.push(name);
    save();
    console.log(JSON.stringify({ name }));
    break;
  }
  case "secret list": {
    const secrets = account.workers[worker];
    if (secrets === undefined) fail(`Worker "${worker}" (env: ${env}) not found.`);
    const names = Object.keys(secrets ?? {});
    console.log(JSON.stringify(names.map((name) => ({ name, type: "secret_text" }))));
    break;
  }
  case "deploy":
    await deploy();
    break;
  default:
    fail(`Unknown command: ${command}`);
}

async function deploy(): Promise<void> {
  requireDatabase();
  if (!account.buckets.includes(names.bucket)) fail("no such bucket");
  const given = JSON.parse(readFileSync(values["secrets-file"] ?? "", "utf8")) as object;
  const secrets = { ...account.workers[worker], ...given };
  account.workers[worker] = secrets;
  const variables = Object.entries(secrets).map(([name, value]) => `${name}=${value}`);
  const secretsFile = join(folder, "secrets.env");
  writeFileSync(secretsFile, variables.join("\n"));
  if (account.pid === null) {
    const log = openSync(join(folder, "dev.log"), "a");
    const args = ["dev", "--local", "--show-interactive-dev-session=false"];
    const ports = ["--port", String(account.port), "--inspector-port", "0"];
    const child = spawn(
      process.execPath,
      [
        ...[wranglerScript, ...args, ...ports, "--env-file", secretsFile],
        ...["--config", configPath, "--env", env, ...persisted()],
      ],
      { detached: true, stdio: ["ignore", log, log], env: realEnvironment() },
    );
    account.pid = child.pid ?? null;
    child.unref();
  }
  save();
  const entry = { type: "deploy", version: 1, targets: [`http://127.0.0.1:${account.port}`] };
  appendFileSync(process.env.WRANGLER_OUTPUT_FILE_PATH ?? "", `${JSON.stringify(entry)}\n`);
}

/** The platform refuses an id of no database of the account. */
function requireDatabase(): void {
  const known = account.databases.find(({ uuid }) => uuid === names.databaseId);
  if (known?.name !== names.database) {
    fail("binding DB of type d1 must have a valid `id` specified [code: 10021]");
  }
}

function local(args: readonly string[], persist = persisted()): void {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [wranglerScript, ...args, "--local", "--config", configPath, "--env", env, ...persist],
    { encoding: "utf8", env: realEnvironment() },
  );
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  if (status !== 0) process.exit(status ?? 1);
}

function persisted(): string[] {
  const databases = join(folder, ".wrangler/state");
  mkdirSync(databases, { recursive: true });
  return ["--persist-to", databases];
}

function realEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_REGISTRY_PATH: join(folder, "registry"),
    WRANGLER_LOG_PATH: join(folder, "logs"),
    WRANGLER_OUTPUT_FILE_PATH: undefined,
    X_LOCAL_EXPLORER: "false",
    X_LOCAL_OBSERVABILITY: "false",
  };
}

function save(): void {
  if (existsSync(accountFile)) writeFileSync(accountFile, JSON.stringify(account));
}

function fail(message: string): never {
  console.error(`✘ [ERROR] ${message}`);
  process.exit(1);
}
