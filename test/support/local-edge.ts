/** Prepares an edge for the local runtime, and waits until one is ready. It does not start it. */
import { setTimeout as sleep } from "node:timers/promises";
import { isHealthy } from "../../edge/local/health.ts";
import type { Command, Processes } from "../../edge/local/processes.ts";
import { buildCommand, prepareCommand } from "../../edge/local/services.ts";
import type { StateFolder } from "../../edge/local/state.ts";
import { bootstrapAccount } from "../../edge/src/accounts/bootstrap.ts";

const startMsMax = 150_000;

export interface Tenant {
  id: string;
  key: string;
}

/** Makes the tables, and the tenants with an admin key each. Builds the Worker, from another `entry` if one is given. */
export async function prepareTenants(
  state: StateFolder,
  processes: Processes,
  ids: readonly string[],
  { entry }: { entry?: string } = {},
): Promise<Tenant[]> {
  const run = async (command: Command) => {
    const how = await processes.start(command).ended;
    if (how !== 0)
      throw new Error(`${command.name} ended (${how})\n${processes.tail(command.name)}`);
  };
  const made = await Promise.all(
    ids.map(async (id) => ({ id, ...(await bootstrapAccount({ tenantId: id })) })),
  );
  const sql = state.writePrivate("bootstrap.sql", made.map((one) => one.sql).join("\n"));
  const built = run(buildCommand(state, entry === undefined ? {} : { entry }));
  await Promise.all([run(prepareCommand(state, sql)), built]);
  return made.map(({ id, key }) => ({ id, key }));
}

/** Waits until health says that all is well; while the GPU service loads its model, health does not. */
export async function untilHealthy(url: string, processes: Processes): Promise<void> {
  const until = Date.now() + startMsMax;
  while (!(await isHealthy(url))) {
    if (Date.now() > until) {
      throw new Error(`No health from ${url} in ${startMsMax} ms\n${processes.tail("edge")}`);
    }
    await sleep(100);
  }
}
