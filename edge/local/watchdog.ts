/**
 * Ends process groups once the process that wrote their ids to standard input is gone, however it ended.
 *
 * Lines: `+123` watches group 123, `-123` stops watching it. The end of the input is the parent's end: the operating
 * system closes the pipe even after a SIGKILL.
 */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { graceMs, signalGroup } from "./groups.ts";

const groups = new Set<number>();

for await (const line of createInterface({ input: process.stdin })) {
  const group = Number(line.slice(1));
  if (line.startsWith("+")) groups.add(group);
  else groups.delete(group);
}
const left = () => [...groups].filter((group) => signalGroup(group, 0));
for (const group of left()) signalGroup(group, "SIGTERM");
for (const until = Date.now() + graceMs; left().length > 0 && Date.now() < until; ) await sleep(50);
for (const group of left()) signalGroup(group, "SIGKILL");
