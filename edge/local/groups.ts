/** Process groups: everything that wrangler or a service has started can be signalled together. */

/** Time for a service to end by itself before it is killed. */
export const graceMs = 5_000;

/** Whether the group was there; signal 0 only asks. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}
