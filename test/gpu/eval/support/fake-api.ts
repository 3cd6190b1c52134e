/**
 * A small rosa2 in memory that speaks the public HTTP API: a deterministic student that improves.
 *
 * It knows the right answers, and answers wrong until its session has what a request lacks: the reading (learnt from
 * feedback where words adapt) and the skill (learnt from a correction where weights do).
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { rewriteInstruction } from "@rosa2/shared/rewrite-prompt";

export interface Known {
  answer: string;
  /** The reading is not said in the request. */
  isAmbiguous?: boolean;
  /** The base model cannot do it. */
  isHard?: boolean;
  /** Weights updates make the model forget it. */
  isForgotten?: boolean;
}

interface Session {
  mode: string;
  knowsReading: boolean;
  updates: number;
  turns: Map<
    string,
    { request: string; prompt: string; reply: string; generation: string; rejected: string[] }
  >;
}

interface Call {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

export const fakeKey = "rosa2_fake";

/** What the fake's words add to a request to state its reading. */
const clearly = " (said clearly)";

export class FakeApi {
  readonly calls: Call[] = [];
  readonly sessions = new Map<string, Session>();
  /** The answers of this many calls get lost after the work is done. */
  lostAnswers = 0;
  /** This many calls are refused with 429 first. */
  refusals = 0;
  /** Replies of completions, in order, before any other. */
  script: string[] = [];
  /** Keys of a session's `adaptation` that this deployment takes. */
  adaptationKeys = ["mode", "rewriter"];
  /** The GPU service finds no step that keeps its bounds. */
  refusesUpdates = false;
  readonly #known: ReadonlyMap<string, Known>;
  readonly #answered = new Map<string, { status: number; body: unknown }>();
  readonly #server: Server;
  #count = 0;

  constructor(known: ReadonlyMap<string, Known>) {
    this.#known = known;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Calls of a kind, by method and the path's last word. */
  callsTo(method: string, ending: string): Call[] {
    return this.calls.filter((call) => call.method === method && call.path.endsWith(ending));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const call = {
      method: request.method ?? "",
      path: request.url ?? "",
      body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
    const send = (status: number, body: unknown, headers: Record<string, string> = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    };
    if (call.path === "/health") return send(200, { status: "ok" });
    if (request.headers.authorization !== `Bearer ${fakeKey}`) {
      return send(401, failure("invalid_key", "This API key is not known"));
    }
    if (this.refusals > 0) {
      this.refusals--;
      return send(429, failure("rate_limited", "Slow down"), { "retry-after": "0.01" });
    }
    const key = request.headers["idempotency-key"];
    if (call.method === "POST" && key === undefined) {
      return send(400, failure("invalid_request", "The fake wants an Idempotency-Key"));
    }
    const earlier = this.#answered.get(String(key));
    const answer = earlier ?? this.#answer(call);
    if (key !== undefined) this.#answered.set(String(key), answer);
    if (this.lostAnswers > 0) {
      this.lostAnswers--;
      response.destroy();
      return;
    }
    send(answer.status, answer.body);
  }

  #answer(call: Call): { status: number; body: unknown } {
    this.calls.push(call);
    const { method, path, body } = call;
    const [, , , sessionId = "", what = "", turnId = "", verb = ""] = path.split("/");
    if (path === "/v1/models") return ok({ data: [{ id: "fake-student" }] });
    if (path === "/openapi.json") {
      const properties = Object.fromEntries(this.adaptationKeys.map((key) => [key, {}]));
      return ok({ components: { schemas: { Adaptation: { properties } } } });
    }
    if (path === "/v1/chat/completions") return ok(this.#complete(body));
    if (path === "/v1/sessions") {
      const id = `ses_${++this.#count}`;
      const { mode } = body.adaptation as { mode: string };
      this.sessions.set(id, { mode, knowsReading: false, updates: 0, turns: new Map() });
      return ok({ id }, 201);
    }
    const session = this.sessions.get(sessionId);
    if (session === undefined) return { status: 404, body: failure("not_found", "No session") };
    if (method === "DELETE") return ok({ erased: this.sessions.delete(sessionId) });
    if (what === "turns" && verb === "") return ok(this.#turn(session, String(body.content), []));
    if (verb === "feedback") return ok(this.#learn(session, turnId, body));
    return { status: 404, body: failure("not_found", `No ${method} ${path}`) };
  }

  #turn(session: Session, request: string, rejected: string[]) {
    const id = `turn_${++this.#count}`;
    const generation = session.updates === 0 ? "base" : `gen_${session.updates}`;
    const reply = this.#reply(request, session, rejected);
    session.turns.set(id, { request, prompt: request, reply, generation, rejected });
    const usage = { prompt_tokens: 10, completion_tokens: 5 };
    return {
      id,
      status: "completed",
      prompt: request,
      reply,
      generation,
      usage,
      cost: { usd: 1e-6 },
    };
  }

  #learn(session: Session, turnId: string, body: Record<string, unknown>) {
    const turn = session.turns.get(turnId)!;
    const isWrong = Number(body.reward) < 0;
    const wordsAdapt = session.mode === "both" || session.mode === "words";
    const weightsAdapt = session.mode === "both" || session.mode === "weights";
    const changed = wordsAdapt && isWrong && !session.knowsReading;
    if (changed) session.knowsReading = true;
    let weights: Record<string, unknown> = { decision: "skipped" };
    if (weightsAdapt && body.correction !== undefined && this.refusesUpdates) {
      weights = { decision: "rejected" };
    } else if (weightsAdapt && body.correction !== undefined) {
      session.updates++;
      // The weights must explain what the words do not: alone they move twice as far.
      const stride = session.mode === "both" ? 1 : 2;
      weights = {
        decision: "updated",
        generation: `gen_${session.updates}`,
        shift_norm: session.updates * stride,
        ms: 20,
      };
    }
    const retried = body.retry === true;
    return {
      words: { changed, after: session.knowsReading ? turn.request + clearly : turn.request },
      weights,
      ...(retried
        ? { turn: this.#turn(session, turn.request, [...turn.rejected, turn.reply]) }
        : {}),
      cost: { usd: retried ? 3e-6 : 2e-6 },
    };
  }

  #complete(body: Record<string, unknown>) {
    const messages = body.messages as { role: string; content: string }[];
    const isKnown = (text: string) => this.#known.has(text.replace(clearly, ""));
    const request = messages.findLast(({ content }) => isKnown(content))?.content ?? "";
    const content =
      messages[0]?.content === rewriteInstruction
        ? ""
        : (this.script.shift() ?? this.#reply(request, null, []));
    return {
      choices: [{ message: { content } }],
      usage: { prompt_tokens: 10, completion_tokens: 5 },
      rosa2: { cost: { usd: 1e-6 } },
    };
  }

  #reply(request: string, session: Session | null, rejected: readonly string[]): string {
    const known = this.#known.get(request.replace(clearly, ""));
    if (known === undefined) return "?";
    const updates = session?.updates ?? 0;
    const isRight =
      (!known.isAmbiguous || session?.knowsReading === true || request.endsWith(clearly)) &&
      (!known.isHard || updates > 0) &&
      !(known.isForgotten && updates > 0 && session?.mode === "weights");
    return isRight ? known.answer : `wrong ${rejected.length}`;
  }
}

function ok(body: unknown, status = 200): { status: number; body: unknown } {
  return { status, body };
}

function failure(code: string, message: string) {
  return { error: { type: "error", code, message } };
}
