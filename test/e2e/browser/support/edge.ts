/** The real Worker as `npm start` runs it, with the stand-in for the GPU service: replies at a pace that tests set. */
import { choosePort } from "../../../../edge/local/ports.ts";
import { Processes } from "../../../../edge/local/processes.ts";
import { edgeCommand } from "../../../../edge/local/services.ts";
import { StateFolder } from "../../../../edge/local/state.ts";
import { FakeGpu } from "../../../support/fake-gpu.ts";
import type { Behaviour, Call } from "../../../support/fake-gpu-calls.ts";
import { prepareTenants, untilHealthy } from "../../../support/local-edge.ts";

const tenantId = "ten_browser";

export interface PacedEdge {
  url: string;
  key: string;
  /** How the stand-in behaves from now on. */
  behave(behaviour: Behaviour): Promise<void>;
  /** The stand-in's calls so far. */
  calls(): Promise<Call[]>;
  /** Kills the edge with SIGKILL and starts it again on the state that it left. */
  killAndStart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startPacedEdge(statePath: string): Promise<PacedEdge> {
  const state = await StateFolder.open(statePath);
  const gpuUrl = await new FakeGpu(state.gpuSecret()).listen();
  const processes = new Processes(state.logs);
  const stop = async () => {
    await processes.stopAll();
    state.close();
  };
  try {
    const [tenant] = await prepareTenants(state, processes, [tenantId]);
    const key = tenant?.key ?? "";
    const edge = await choosePort(0);
    const ports = { edge, gpu: Number(new URL(gpuUrl).port) };
    const url = `http://127.0.0.1:${edge}`;
    const startEdge = async () => {
      const started = processes.start(edgeCommand(state, ports));
      const ended = started.ended.then((how) => {
        throw new Error(`The edge ended (${how})\n${processes.tail("edge")}`);
      });
      await Promise.race([untilHealthy(url, processes), ended]);
      ended.catch(() => {});
      return started;
    };
    let service = await startEdge();
    const behave = async (behaviour: Behaviour) => {
      const body = JSON.stringify(behaviour);
      await fetch(`${gpuUrl}/__behaviour?tenant=${tenantId}`, { method: "POST", body });
    };
    const calls = async () =>
      (await (await fetch(`${gpuUrl}/__calls?tenant=${tenantId}`)).json()) as Call[];
    const killAndStart = async () => {
      service.kill();
      await service.ended;
      service = await startEdge();
    };
    return { url, key, behave, calls, killAndStart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
