/**
 * `npm run deploy`: from a clone to a public address. Read `deploy` first.
 *
 *   npm run deploy                                        with a model of the platform's own
 *   GPU_URL=https://… npm run deploy                      with a GPU service; the environment `production`
 *   GPU_URL=https://… npm run deploy -- --env staging     the other one
 *   GPU_URL=https://… npm run deploy -- --rotate-secret   with a new GPU_SECRET, see rotation.ts
 *
 * Every step looks before it acts, so running it again changes what has changed and nothing else.
 * Key and secret stay in .rosa2/deploy/<environment>/, readable by this user only.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../shared/command/failure.ts";
import { PrivateFolder } from "../local/private-folder.ts";
import { ensureAdminKey } from "./admin-key.ts";
import { ensureBucket, ensureDatabase, readNames, writeDatabaseId } from "./resources.ts";
import { rotateSecret } from "./rotation.ts";
import { firstInference, gatherSecrets } from "./secrets.ts";
import { type DeploySettings, readDeploySettings } from "./settings.ts";
import { smokeTest } from "./smoke.ts";
import { parseJson, Wrangler } from "./wrangler.ts";

try {
  await deploy(readDeploySettings(process.argv.slice(2), process.env));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}

async function deploy(settings: DeploySettings): Promise<void> {
  const { environment, configPath } = settings;
  const wrangler = new Wrangler(settings);
  const names = readNames(configPath, environment);
  say(`Deploying ${names.worker}`);
  say(`Account     ${await checkLogin(wrangler)}`);
  const folder = new PrivateFolder(settings.statePath);
  // Checked before anything is made: otherwise a missing address would leave half a deployment.
  const rotation = settings.rotate ? await rotateSecret(folder, settings.given) : null;
  const given = { ...settings.given };
  if (rotation !== null) given.GPU_SECRET = rotation.secret;
  const secrets = await gatherSecrets(wrangler, names, folder, { ...settings, given });

  const database = await ensureDatabase(wrangler, names.database);
  if (database.id !== names.databaseId) writeDatabaseId(configPath, environment, database.id);
  say(`Database    ${names.database} (${database.made ? "made" : "found"})`);
  const bucketMade = await ensureBucket(wrangler, names.bucket);
  say(`Bucket      ${names.bucket} (${bucketMade ? "made" : "found"})`);
  await wrangler.run(["d1", "migrations", "apply", "DB", "--remote"]);
  say("Tables      up to date");

  const url = await upload(wrangler, secrets.values);
  say(`Worker      ${url}`);
  if (secrets.isFirst) {
    say(
      `Model       ${firstInference.INFERENCE_MODEL} of Workers AI: words adapt, weights do not.`,
    );
    say("            With a GPU service: GPU_URL=https://… npm run deploy");
  }
  if (secrets.made) say(`GPU secret  made; give it to the GPU service: ${folder.path}/gpu-secret`);
  const { key, made } = await ensureAdminKey(wrangler, folder);
  if (made) say(`Admin key   ${key} (kept in ${folder.path}/api-key)`);
  else
    say(`Admin key   ${key === null ? "exists, not on this machine" : `${folder.path}/api-key`}`);

  await smokeTest(url, key, settings.waitMs, (line) => say(`Smoke test  ${line}`));
  if (rotation !== null) {
    rotation.finish();
    say("GPU secret  changed; the GPU service may forget the old one now");
  }
  say(`\nrosa2 is at ${url}; API at ${url}/v1, reference at ${url}/docs`);
  if (database.id !== names.databaseId) say("wrangler.toml now names the database: commit it.");
}

/** Name of the account that wrangler acts on. Throws `Failure` that says how to log in or choose. */
async function checkLogin(wrangler: Wrangler): Promise<string> {
  const { output } = await wrangler.try(["whoami", "--json"]);
  const { loggedIn, accounts = [] } = parseJson<{
    loggedIn: boolean;
    accounts?: { id: string; name: string }[];
  }>(output, "whoami");
  if (!loggedIn) {
    throw new Failure(
      "Not logged in to Cloudflare: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN.",
    );
  }
  const chosen = process.env.CLOUDFLARE_ACCOUNT_ID;
  const account = accounts.find(({ id }) => id === chosen) ?? accounts[0];
  if (chosen === undefined && accounts.length > 1) {
    const list = accounts.map(({ id, name }) => `  ${id}  ${name}`).join("\n");
    throw new Failure(
      `This login has several accounts: set CLOUDFLARE_ACCOUNT_ID to one of\n${list}`,
    );
  }
  return account?.name ?? chosen ?? "of the API token";
}

/** Uploads Worker and secrets as one version, so none ever runs without its secrets; returns the address. */
async function upload(wrangler: Wrangler, values: Record<string, string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "rosa2-deploy-"));
  try {
    // In a file, because the list of processes shows a command line; as JSON, because nothing in it is expanded.
    const secretsFile = join(folder, "secrets.json");
    writeFileSync(secretsFile, JSON.stringify(values), { mode: 0o600 });
    const outputFile = join(folder, "output.ndjson");
    await wrangler.run(["deploy", "--secrets-file", secretsFile], {
      WRANGLER_OUTPUT_FILE_PATH: outputFile,
    });
    return readAddress(readFileSync(outputFile, "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A custom domain if there is one, else the workers.dev address. */
function readAddress(output: string): string {
  const entries = output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; targets?: string[] });
  const targets = entries.flatMap(({ type, targets }) =>
    type === "deploy" ? (targets ?? []) : [],
  );
  const domain = targets.find((target) => target.endsWith(" (custom domain)"));
  if (domain !== undefined) return `https://${domain.replace(" (custom domain)", "")}`;
  const address = targets.find((target) => /^https?:\/\//.test(target));
  if (address === undefined) {
    throw new Failure(`Deployed, but wrangler named no address (targets: ${targets.join(", ")})`);
  }
  return address.replace(/\/+$/, "");
}

function say(line: string): void {
  console.log(line);
}
