/** Process groups: what wrangler or a service has started can be signalled as a whole. */

/** What a service gets to end by itself before it is killed. */
export const graceMs = 5_000;

/** Whether the group was there; signal 0 only asks. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}
