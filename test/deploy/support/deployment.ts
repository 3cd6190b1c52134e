/** One account and one copy of wrangler.toml in a folder of their own, and the deploy command run on them. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { signalGroup } from "../../../edge/local/groups.ts";
import { choosePort } from "../../../edge/local/ports.ts";
import { rootPath } from "../../../edge/local/settings.ts";
import type { Account } from "./wrangler.ts";

export class Deployment {
  readonly folder = mkdtempSync(join(tmpdir(), "rosa2-deployment-"));
  readonly configPath = join(this.folder, "wrangler.toml");
  readonly url: string;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
    const config = readFileSync(join(rootPath, "wrangler.toml"), "utf8");
    // Its paths are relative to the folder that it lies in.
    const absolute = config
      .replaceAll(/"(?:\.\/)?((?:edge|shared|migrations|node_modules)\/)/g, `"${rootPath}$1`)
      .replace(" edge/playground/build.ts", ` ${rootPath}edge/playground/build.ts`)
      // The platform's models cannot be reached without an account.
      .replaceAll(/^ai = .*\n/gm, "");
    writeFileSync(this.configPath, absolute);
    this.#save({
      ...{ loggedIn: true, accounts: [{ id: "a1", name: "Someone's account" }] },
      ...{ databases: [], buckets: [], workers: {}, failing: null, port, pid: null },
    });
  }

  static async make(): Promise<Deployment> {
    return new Deployment(await choosePort(0));
  }

  get account(): Account {
    return JSON.parse(readFileSync(join(this.folder, "account.json"), "utf8")) as Account;
  }

  change(change: Partial<Account>): void {
    this.#save({ ...this.account, ...change });
  }

  /** Commands that the stand-in got since this was last called. */
  takeCalls(): string[] {
    const file = join(this.folder, "calls.txt");
    const calls = readFileSync(file, "utf8").trim().split("\n");
    writeFileSync(file, "");
    return calls;
  }

  run(
    variables: Record<string, string>,
    args: readonly string[] = [],
  ): Promise<{ code: number | null; printed: string }> {
    return this.#command("deploy", ["--wait", "90", ...args], variables);
  }

  backup(verb: "save" | "restore", folder: string) {
    return this.#command("backup", [verb, folder], {});
  }

  async #command(name: string, args: readonly string[], variables: Record<string, string>) {
    const script = join(rootPath, `edge/deploy/${name}.ts`);
    const child = spawn(process.execPath, [script, "--config", this.configPath, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        ROSA2_WRANGLER: fileURLToPath(new URL("./wrangler.ts", import.meta.url)),
        ROSA2_STATE: join(this.folder, "state"),
        STANDIN_ACCOUNT: this.folder,
        ...variables,
      },
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
      });
    }
    const code = await new Promise<number | null>((done) => child.on("close", done));
    return { code, printed };
  }

  remove(): void {
    const { pid } = this.account;
    if (pid !== null) signalGroup(pid, "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #save(account: Account): void {
    writeFileSync(join(this.folder, "account.json"), JSON.stringify(account));
  }
}
