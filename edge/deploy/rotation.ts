/**
 * Changes the secret between edge and GPU service without a failed call: for a while both accept two.
 *
 * The next secret is made and kept here. The edge gets it only when the GPU service accepts it besides the old one.
 * Until then nothing changes, and running the same command again continues.
 */
import { randomBytes } from "node:crypto";
import { secretHeader } from "@rosa2/shared/protocol";
import { Failure } from "../../shared/command/failure.ts";
import type { PrivateFolder } from "../local/private-folder.ts";
import { parsePools } from "../src/config.ts";

const names = { current: "gpu-secret", next: "gpu-secret.next", both: "gpu-secret.both" };
const askMs = 10_000;

export interface Rotation {
  /** The secret that the edge gets. */
  secret: string;
  /** To be called once the edge runs with it. */
  finish(): void;
}

/** Throws `Failure` with the next step while the GPU service does not accept the next secret. */
export async function rotateSecret(
  folder: PrivateFolder,
  given: Record<string, string>,
): Promise<Rotation> {
  const current = folder.read(names.current);
  if (current === null) {
    throw new Failure(
      `The secret in use is not on this machine (${folder.path}/${names.current}): ` +
        "give the GPU service <old>,<new> yourself, then deploy with GPU_SECRET=<new>",
    );
  }
  if (given.GPU_URL === undefined)
    throw new Failure("--rotate-secret needs GPU_URL, to ask the GPU service");
  const secret = folder.read(names.next) ?? randomBytes(32).toString("hex");
  folder.write(names.next, secret);
  folder.write(names.both, `${current},${secret}`);
  const pools = parsePools(given.GPU_URL);
  const taken = await Promise.all(pools.map(({ url }) => takes(url, secret, given)));
  const url = pools.find((_, index) => taken[index] === false)?.url;
  if (url !== undefined) {
    throw new Failure(
      `The GPU service at ${url} does not take the next secret yet. Give it both as GPU_SECRET (or write them into ` +
        `its GPU_SECRET_FILE), from ${folder.path}/${names.both}, then run this again.`,
    );
  }
  return {
    secret,
    finish() {
      folder.write(names.current, secret);
      for (const name of [names.next, names.both]) folder.remove(name);
    },
  };
}

/** Makes a call that needs the secret and costs nothing. */
async function takes(url: string, secret: string, given: Record<string, string>): Promise<boolean> {
  const { MODAL_KEY, MODAL_SECRET } = given;
  try {
    const response = await fetch(`${url}/metrics`, {
      signal: AbortSignal.timeout(askMs),
      headers: {
        [secretHeader]: secret,
        ...(MODAL_KEY === undefined || MODAL_SECRET === undefined
          ? {}
          : { "Modal-Key": MODAL_KEY, "Modal-Secret": MODAL_SECRET }),
      },
    });
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    throw new Failure(`The GPU service at ${url} cannot be asked: ${(error as Error).message}`);
  }
}
