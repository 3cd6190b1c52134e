/** A rosa2 of real processes for one test file, on random ports and a state folder that is removed afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { Api } from "../../../edge/local/api.ts";
import { type Spawned, spawnRosa } from "../../../edge/local/spawn.ts";
import type { FeedbackResult, SessionDetail, TurnBody } from "../../../edge/src/contract/index.ts";

export class Rosa extends Api {
  readonly process: Spawned;

  private constructor(process: Spawned) {
    super(process);
    this.process = process;
  }

  static async start(statePath: string, environment: Record<string, string> = {}): Promise<Rosa> {
    return new Rosa(
      await spawnRosa({ PORT: "0", GPU_PORT: "0", ROSA2_STATE: statePath, ...environment }),
    );
  }

  openai(headers: Record<string, string> = {}): OpenAI {
    return new OpenAI({
      baseURL: `${this.url}/v1`,
      apiKey: this.key,
      maxRetries: 0,
      defaultHeaders: headers,
    });
  }

  openSession(options: object = {}): Promise<SessionDetail> {
    return this.post("/v1/sessions", options);
  }

  readSession(id: string): Promise<SessionDetail> {
    return this.get(`/v1/sessions/${id}`);
  }

  ask(sessionId: string, content: string): Promise<TurnBody> {
    return this.post(`/v1/sessions/${sessionId}/turns`, { content });
  }

  judge(turn: TurnBody, feedback: object): Promise<FeedbackResult> {
    return this.post(`/v1/sessions/${turn.session_id}/turns/${turn.id}/feedback`, feedback);
  }

  /** Corrects a reply and asks for a new one. */
  async correct(
    turn: TurnBody,
    correction: string,
    text?: string,
  ): Promise<FeedbackResult & { turn: TurnBody }> {
    const result = await this.judge(turn, { reward: -1, text, correction, retry: true });
    if (result.turn === undefined) throw new Error(`No retry in ${JSON.stringify(result)}`);
    return { ...result, turn: result.turn };
  }

  /** Sends the same feedback until it is done, whatever fails meanwhile. Throws after a minute. */
  async judgeUntilDone(turn: TurnBody, feedback: object): Promise<FeedbackResult> {
    const until = Date.now() + 60_000;
    for (;;) {
      const result = await this.judge(turn, feedback).catch((error: Error) => error);
      if (!(result instanceof Error) && result.status === "done") return result;
      if (Date.now() > until) throw new Error(`Not done: ${JSON.stringify(result)}`);
      await sleep(50);
    }
  }

  /** The reply of the base model to this request alone. */
  async answerOfBase(content: string): Promise<string> {
    const { choices } = await this.openai().chat.completions.create({
      model: "rosa2",
      messages: [{ role: "user", content }],
      temperature: 0,
    });
    return choices[0]?.message.content ?? "";
  }
}

export function makeStateFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "rosa2-e2e-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
