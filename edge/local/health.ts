/** Whether an edge and its GPU service answer. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
    const { status } = (await response.json()) as { status: string };
    return response.ok && status === "ok";
  } catch {
    return false;
  }
}
