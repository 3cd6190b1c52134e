/**
 * How long `GET /v1/sessions` takes while tenants grow to 100,000 sessions: the real Worker on a real D1,
 * over loopback; it knows no GPU service. `--json` prints the rows; exits 1 when the list is not flat.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { choosePort } from "../../edge/local/ports.ts";
import { type Command, Processes } from "../../edge/local/processes.ts";
import { edgeCommand, executeCommand, migrateCommand } from "../../edge/local/services.ts";
import { StateFolder } from "../../edge/local/state.ts";
import { bootstrapAccount } from "../../edge/src/accounts/bootstrap.ts";

const sizes = [100, 1_000, 10_000, 100_000];
const warmUpRounds = 10;
const rounds = 60;
/** The largest tenant may take so many times as long as the smallest, in the median. */
const ratioMax = 1.5;
const startMsMax = 60_000;

interface Row {
  sessions: number;
  page: string;
  p50_ms: number;
  p99_ms: number;
}

/** Ids sort by their number, as real ones by their time; each tenant has a range of its own. */
function sessionId(tenant: number, n: number): string {
  return `ses_${tenant}${String(n).padStart(25, "0")}`;
}

function seedSql(tenantId: string, tenant: number, sessions: number): string {
  return `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${sessions})
    INSERT INTO session_index (id, tenant_id, title, mode, created_at, updated_at, turns)
    SELECT 'ses_${tenant}' || printf('%025d', i), '${tenantId}', 'Session ' || i, 'both', i, i, i % 50 FROM n;
    UPDATE tenants SET session_count = ${sessions} WHERE id = '${tenantId}';`;
}

async function main(): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), "rosa2-bench-"));
  const state = await StateFolder.open(path);
  const processes = new Processes(state.logs);
  const run = async (command: Command) => {
    const how = await processes.start(command).ended;
    if (how !== 0)
      throw new Error(`${command.name} ended with ${how}. ${processes.tail(command.name)}`);
  };
  try {
    await run(migrateCommand(state));
    const keys: string[] = [];
    const statements: string[] = [];
    for (const [tenant, sessions] of sizes.entries()) {
      const tenantId = `ten_${sessions}`;
      const { key, sql } = await bootstrapAccount({ tenantId });
      keys.push(key);
      statements.push(sql, seedSql(tenantId, tenant, sessions));
    }
    await run(executeCommand(state, state.writePrivate("seed.sql", statements.join("\n"))));

    process.env.RATE_LIMIT = "off";
    process.env.LOG = "off";
    const ports = { edge: await choosePort(0), gpu: 9, inspector: await choosePort(0) };
    processes.start(edgeCommand(state, ports));
    const url = `http://127.0.0.1:${ports.edge}`;
    await untilUp(url);
    report(await measure(url, keys));
  } finally {
    await processes.stopAll();
    state.close();
    rmSync(path, { recursive: true, force: true });
  }
}

async function untilUp(url: string): Promise<void> {
  const until = performance.now() + startMsMax;
  for (;;) {
    const answer = await fetch(`${url}/openapi.json`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    if (performance.now() > until) throw new Error("The Worker does not answer");
    await sleep(200);
  }
}

/** Every page of every tenant once a round, so that a busy moment of the machine falls on all alike. */
async function measure(url: string, keys: readonly string[]): Promise<Row[]> {
  const cells = sizes.flatMap((sessions, tenant) => {
    const middle = sessionId(tenant, Math.floor(sessions / 2));
    const pages = {
      first: "limit=20",
      middle: `limit=20&cursor=${middle}`,
      "first, 100": "limit=100",
    };
    return Object.entries(pages).map(([page, query]) => {
      const times: number[] = [];
      return { sessions, page, query, key: keys[tenant] ?? "", times };
    });
  });
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const { query, key, times } of cells) {
      const ms = await timeOf(`${url}/v1/sessions?${query}`, key);
      if (round >= 0) times.push(ms);
    }
  }
  return cells.map(({ sessions, page, times }) => {
    times.sort((a, b) => a - b);
    const at = (share: number) => Number((times[Math.floor(share * times.length)] ?? 0).toFixed(2));
    return { sessions, page, p50_ms: at(0.5), p99_ms: at(0.99) };
  });
}

/** Milliseconds to the last byte of a full page. */
async function timeOf(address: string, key: string): Promise<number> {
  const startedAt = performance.now();
  const answer = await fetch(address, { headers: { authorization: `Bearer ${key}` } });
  const { data } = (await answer.json()) as { data?: unknown[] };
  const ms = performance.now() - startedAt;
  const wanted = Number(new URL(address).searchParams.get("limit"));
  if (data?.length !== wanted) throw new Error(`${answer.status}: ${data?.length} sessions`);
  return ms;
}

function report(rows: readonly Row[]): void {
  const of = (sessions: number | undefined) =>
    rows.find((row) => row.sessions === sessions && row.page === "first")?.p50_ms ?? 0;
  const ratio = of(sizes.at(-1)) / of(sizes[0]);
  if (ratio > ratioMax) process.exitCode = 1;
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ rows, ratio }));
    return;
  }
  console.log("GET /v1/sessions, ms\n\n sessions  page         p50    p99");
  for (const { sessions, page, p50_ms: p50, p99_ms: p99 } of rows) {
    const cells = [p50, p99].map((ms) => ms.toFixed(2).padStart(6)).join(" ");
    console.log(`${String(sessions).padStart(9)}  ${page.padEnd(10)} ${cells}`);
  }
  console.log(
    `\nmedian of the first page, largest to smallest: ${ratio.toFixed(2)} (at most ${ratioMax})`,
  );
}

await main();
