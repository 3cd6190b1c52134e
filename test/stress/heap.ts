/** The JavaScript heap of a Worker in the local runtime, read through the runtime's inspector. */

interface Target {
  webSocketDebuggerUrl: string;
}

/**
 * Bytes in use, what is no longer needed among them: the inspector does not collect garbage on demand. Rejects where no
 * Worker answers on the inspector's port.
 */
export async function heapBytes(inspectorPort: number): Promise<number> {
  const listed = await fetch(`http://127.0.0.1:${inspectorPort}/json`);
  const [target] = (await listed.json()) as Target[];
  if (target === undefined) throw new Error("The inspector lists no Worker");
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error("The inspector does not answer")));
    });
    const { usedSize } = await ask(socket, "Runtime.getHeapUsage");
    return Number(usedSize);
  } finally {
    socket.close();
  }
}

function ask(socket: WebSocket, method: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    socket.addEventListener("close", () => reject(new Error("The inspector went away")));
    socket.addEventListener("message", ({ data }) => {
      const answer = JSON.parse(String(data));
      if (answer.id !== 1) return;
      if (answer.error !== undefined) reject(new Error(`${method}: ${answer.error.message}`));
      else resolve(answer.result);
    });
    socket.send(JSON.stringify({ id: 1, method }));
  });
}
