/** Ports on the loopback interface: whether one is free, and which one to take. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Failure } from "./failure.ts";

const host = "127.0.0.1";

/**
 * The port asked for, or a free one when 0 is.
 *
 * Nothing keeps a port until a service listens on it, so whoever starts that service must still be
 * ready for a refusal. Throws `Failure` that names the setting when the port is in use.
 */
export async function choosePort(port: number, setting = "the port's setting"): Promise<number> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "EADDRINUSE" ? "the port is in use" : message;
    throw new Failure(
      `Cannot listen on ${host}:${port}: ${reason}. Set ${setting} to another port.`,
    );
  } finally {
    server.close();
  }
}
