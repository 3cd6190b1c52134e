/** Every family of figures, in the order in which they are measured. */
import type { Family } from "../figure.ts";
import { adapterSwitch } from "./adapter-switch.ts";
import { added } from "./added.ts";
import { batch } from "./batch.ts";
import { coldStart } from "./cold-start.ts";
import { replicas } from "./replicas.ts";
import { retry } from "./retry.ts";
import { samples } from "./samples.ts";
import { scale } from "./scale.ts";
import { speed } from "./speed.ts";
import { update } from "./update.ts";
import { updateVsPeft } from "./update-vs-peft.ts";
import { wan } from "./wan.ts";
import { webgpu } from "./webgpu.ts";

export const families: readonly Family[] = [
  speed,
  batch,
  samples,
  retry,
  coldStart,
  adapterSwitch,
  replicas,
  update,
  updateVsPeft,
  webgpu,
  added,
  wan,
  scale,
];
