/** Ports on the loopback interface: whether one is free, and which one to use. */
import { once } from "node:events";
import { createServer } from "node:net";
import { Failure } from "../../shared/command/failure.ts";

const host = "127.0.0.1";
/** Below the ports that systems give to outgoing connections, which can take them at any moment. */
const ownPorts = { from: 20_000, to: 32_767 };
const tries = 50;

/**
 * The given port, or a free one for 0.
 *
 * Nothing holds a port until a service listens on it, so the code that starts the service must still expect a refusal.
 * Throws `Failure` that names the setting if the port is in use.
 */
export async function choosePort(port: number, setting = "the port's setting"): Promise<number> {
  if (port !== 0) {
    const reason = await refusalOf(port);
    if (reason === null) return port;
    throw new Failure(
      `Cannot listen on ${host}:${port}: ${reason}. Set ${setting} to another port.`,
    );
  }
  for (let n = 0; n < tries; n++) {
    const candidate = ownPorts.from + Math.floor(Math.random() * (ownPorts.to - ownPorts.from));
    if ((await refusalOf(candidate)) === null) return candidate;
  }
  throw new Failure(`None of ${tries} ports from ${ownPorts.from} on is free on ${host}.`);
}

/** Why nothing can listen on the port; null if something can. */
async function refusalOf(port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "EADDRINUSE" ? "the port is in use" : message;
  } finally {
    server.close();
  }
}
