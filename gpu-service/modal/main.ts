/**
 * The GPU service on Modal: node gpu-service/modal/main.ts <deploy | warm | health | logs>
 *
 * `deploy` and `logs` run the platform's own command line (`pip install modal`); `warm` and `health` ask
 * the deployment at MODAL_URL with MODAL_KEY and MODAL_SECRET. `deploy` takes ROSA2_IMAGE, ROSA2_GPU and
 * ROSA2_KEEP_WARM (containers that never sleep).
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ModalClient } from "./client.ts";

const warmMs = 600_000;

const deploymentSchema = z.object({
  MODAL_URL: z.url("must be the address that `deploy` printed"),
  MODAL_KEY: z.string("is required").min(1),
  MODAL_SECRET: z.string("is required").min(1),
});
const imageSchema = z.object({
  ROSA2_IMAGE: z.string("is required: the pushed image").min(1),
  ROSA2_KEEP_WARM: z.coerce.number("must be a number of containers").int().min(0).default(0),
});

const command = process.argv[2] ?? "";
const commands: Record<string, () => Promise<number>> = { deploy, warm, health, logs };
const chosen = commands[command];
try {
  if (chosen === undefined) {
    throw new Error(`Usage: main.ts ${Object.keys(commands).join(" | ")}`);
  }
  process.exitCode = await chosen();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function deploy(): Promise<number> {
  read(imageSchema);
  return await modal(["deploy", fileURLToPath(new URL("./app.py", import.meta.url))]);
}

async function logs(): Promise<number> {
  return await modal(["app", "logs", "rosa2-gpu"]);
}

async function warm(): Promise<number> {
  return await withClient(async (client) => {
    const { health, ms } = await client.warm(warmMs);
    console.log(`${health.model?.id} serves after ${(ms / 1000).toFixed(1)} s`);
    return 0;
  });
}

async function health(): Promise<number> {
  return await withClient(async (client) => {
    const health = await client.health();
    console.log(JSON.stringify(health, null, 2));
    return health.status === "ok" ? 0 : 1;
  });
}

async function withClient(use: (client: ModalClient) => Promise<number>): Promise<number> {
  const { MODAL_URL, MODAL_KEY, MODAL_SECRET } = read(deploymentSchema);
  const url = MODAL_URL.replace(/\/+$/, "");
  const client = new ModalClient({ url, key: MODAL_KEY, secret: MODAL_SECRET });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** Runs the platform's command line on this terminal. */
function modal(args: readonly string[]): Promise<number> {
  const child = spawn("modal", args, { stdio: "inherit" });
  return new Promise((done, fail) => {
    child.on("error", (error: NodeJS.ErrnoException) =>
      fail(error.code === "ENOENT" ? new Error("Install Modal's tool: pip install modal") : error),
    );
    child.on("exit", (code) => done(code ?? 1));
  });
}

function read<S extends z.ZodType>(schema: S): z.output<S> {
  const parsed = schema.safeParse(process.env);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`);
  throw new Error(problems.join("\n"));
}
