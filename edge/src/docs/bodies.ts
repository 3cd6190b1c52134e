/** One conversation through the API: the examples of the OpenAPI document. Tests check them against the schemas. */
import type {
  FeedbackRecord,
  FeedbackResult,
  GenerationBody,
  SessionDetail,
  SessionSummary,
  TurnBody,
  UsageBody,
  WeightsReport,
  WordsReport,
} from "../contract/index.ts";
import { accountExamples, at, erased } from "./account-bodies.ts";

const session = "ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE";
const first = "turn_01KAQ2V9M6M8YB6T1N3D5P7QRS";
export const second = "turn_01KAQ2VTE0W3S9C6K4M1H8D2FG";
export const generation = "gen_01KAQ2VQ4Z7YV0N5B8X2J6C3EH";
const feedbackId = "fb_01KAQ2VN8B1R6T3W5Z9X7K4M2P";
const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const request = "Sort them: 31, 7, 12";
export const reworded = "Sort them from largest to smallest: 31, 7, 12";
export const usage: UsageBody = {
  prompt_tokens: 24,
  completion_tokens: 9,
  total_tokens: 33,
  prompt_tokens_details: { cached_tokens: 16 },
};
const cost = { usd: 0.0000048 };

export const turn: TurnBody = {
  id: first,
  object: "turn",
  session_id: session,
  index: 0,
  status: "completed",
  content: request,
  prompt: request,
  reply: "7, 12, 31",
  finish_reason: "stop",
  repeats_rejected: false,
  generation: "base",
  retry_of: null,
  attempt: 1,
  confidence: 0.82,
  usage,
  cost,
  error: null,
  created_at: at("30:02"),
};

export const running: TurnBody = {
  ...turn,
  status: "running",
  reply: "",
  finish_reason: null,
  repeats_rejected: false,
  confidence: null,
  usage: null,
  cost: { usd: 0 },
};

const retried: TurnBody = {
  ...turn,
  id: second,
  index: 1,
  prompt: reworded,
  reply: "31, 12, 7",
  generation,
  retry_of: first,
  attempt: 2,
  confidence: 0.97,
  created_at: at("30:41"),
};

export const words: WordsReport = {
  changed: true,
  before: request,
  after: reworded,
  diagnosis: "ambiguous",
  confidence: 0.95,
  hinted: true,
  share: 0.7,
  by: "gpu",
  reason: "the correction is 4.2 nats likelier than as composed",
  plan: null,
  billed: { prompt_tokens: 31, completion_tokens: 104 },
  candidates: [
    { wording: reworded, by: "gpu", prior: 0.6, share: 0.95, rejected: -6.1, right: -0.4 },
    {
      wording: `${request}\n\nlargest first`,
      by: "composed",
      prior: 0.05,
      share: 0.03,
      rejected: -0.7,
      right: -4.6,
    },
  ],
  rewriter: {
    name: "gpu",
    adopted: true,
    failure: null,
    calls: 1,
    drawn: 8,
    kept: 8,
    prompt_tokens: 31,
    completion_tokens: 104,
  },
  constraints: ["largest first"],
  ruled_out: ["“sort them”: sort them from smallest to largest"],
  spans: [
    {
      label: "“sort them”",
      text: "Sort them",
      start: 0,
      end: 9,
      phrase: "sort them from largest to smallest",
      said: false,
      probability: 0.95,
    },
  ],
};

export const weights: WeightsReport = {
  decision: "updated",
  reason: "the corrected reply was unlikely even as reworded",
  generation,
  active: true,
  step_norm: 1.84,
  shift_norm: 1.84,
  kl: 0.012,
  kl_base: 0.012,
  objective: { before: 0.44, after: 0.98 },
  right_reply: { logprob_before: -4.1, logprob_after: -0.08, tokens: 3 },
  tokens: {
    right: [
      { text: "31,", before: -3.9, after: -0.06 },
      { text: " 12, 7", before: -0.18, after: -0.01 },
      { text: "", before: -0.02, after: -0.01 },
    ],
    rejected: [
      { text: "7,", before: -0.02, after: -2.9 },
      { text: " 12, 31", before: -0.16, after: -0.3 },
      { text: "", before: -0.01, after: -0.02 },
    ],
  },
  ms: 412,
};

const plan = {
  words: true,
  weights: true,
  incapacity: 0.2,
  split: null,
  row: { kind: "corrected", weight: 1 },
  reasons: ["corrected"],
  text: weights.reason,
};

const outcome = {
  id: feedbackId,
  turn_id: first,
  status: "done",
  words,
  weights,
  rolled_back: null,
  plan,
} as const;

export const feedbackResult: FeedbackResult = {
  object: "feedback",
  ...outcome,
  turn: retried,
  cost: { usd: 0.0005048 },
};

const feedbackRecord: FeedbackRecord = {
  ...outcome,
  reward: -1,
  text: "largest first",
  correction: "31, 12, 7",
  cost: { usd: 0.0005 },
  retry_turn_id: second,
  created_at: at("30:39"),
};

const summary: SessionSummary = {
  id: session,
  object: "session",
  owner: "user_4711",
  title: "Lists",
  metadata: { topic: "lists" },
  mode: "both",
  generation,
  turn_count: 2,
  created_at: at("30:00"),
  updated_at: at("30:41"),
};

const detail: SessionDetail = {
  ...summary,
  instructions: "Answer with the list alone.",
  region: "weur",
  context: "request",
  rewriter: "gpu",
  reasoning_effort: null,
  forked_from: null,
  holdout: "adapted",
  expires_at: null,
  turns: [turn, retried],
  feedback: [feedbackRecord],
  next_cursor: null,
  totals: {
    turns: 2,
    feedback: 1,
    generations: 1,
    prompt_tokens: 48,
    completion_tokens: 18,
    cost: { usd: 0.0005096 },
  },
};

const generationBody: GenerationBody = {
  id: generation,
  object: "generation",
  index: 1,
  parent: "base",
  active: true,
  digest,
  bytes: 98_432,
  feedback_id: feedbackId,
  plan: {},
  step_norm: 1.84,
  shift_norm: 1.84,
  kl: 0.012,
  kl_base: 0.012,
  objective: { before: 0.44, after: 0.98 },
  rows: [
    {
      kind: "corrected",
      logprob_before: -4.1,
      logprob_after: -0.08,
      owed_tokens: 2,
      target_shift: 4.09,
      predicted_shift: 4.02,
      realised_shift: 3.97,
      reply_tokens: 9,
    },
  ],
  created_at: at("30:40"),
};

const model = {
  id: "rosa2-mini-2",
  object: "model",
  created: 0,
  owned_by: "rosa2",
  context_length: 512,
};

export const completion = {
  id: "chatcmpl_01KAQ2W3P5V8D0T7Q1Z6H9N4KB",
  created: 1_795_512_602,
  model: model.id,
};
export const origin = { session: null, generation: "base", cost };

export const response = {
  id: "resp_0fS2m_01KAQ2V9M6M8YB6T1N3D5P7QRS",
  object: "response",
  created_at: completion.created,
  status: "completed",
  model: model.id,
  output: [
    {
      id: "msg_0fS2m_01KAQ2V9M6M8YB6T1N3D5P7QRS",
      type: "message",
      status: "completed",
      role: "assistant",
      content: [{ type: "output_text", text: turn.reply, annotations: [], logprobs: [] }],
    },
  ],
  usage: { input_tokens: 24, output_tokens: 9, total_tokens: 33 },
};

const ofSession = {
  session,
  owner: summary.owner,
  feedback_id: feedbackId,
  turn_id: first,
};

/** By the name of their schema. */
export const examples: Record<string, unknown> = {
  SessionCreate: {
    title: "Lists",
    instructions: "Answer with the list alone.",
    adaptation: { mode: "both" },
    ttl_seconds: 86_400,
  },
  Session: detail,
  SessionList: { object: "list", data: [summary], next_cursor: null },
  SessionErased: {
    id: session,
    object: "session.erased",
    erased,
    kept: "usage rows and a holdout's counts, without content",
  },
  SessionPatch: { title: "Lists, sorted", reasoning_effort: "none" },
  Fork: { turn_id: first, title: "Lists, another way" },
  TurnCreate: { content: request, max_tokens: 64 },
  Turn: turn,
  Feedback: { reward: -1, text: "largest first", correction: "31, 12, 7", retry: true },
  FeedbackResult: feedbackResult,
  WordsState: {
    object: "words",
    constraints: [
      {
        id: "con_1",
        topic: "order",
        text: "largest first",
        scope: "session",
        turn_id: first,
      },
    ],
    senses: [{ id: "sort", readings: { up: 0.05, down: 0.95 }, failures: 1 }],
    undoable: 1,
  },
  ConstraintPatch: { text: "largest first", scope: "turn" },
  GenerationList: { object: "list", active: generation, data: [generationBody], next_cursor: null },
  ...accountExamples,
  AdaptationUpdated: {
    type: "adaptation.updated",
    timestamp: at("30:40"),
    data: {
      ...ofSession,
      generation,
      active: true,
      step_norm: weights.step_norm,
      shift_norm: weights.shift_norm,
      kl: weights.kl,
      kl_base: weights.kl_base,
      parent: "base",
    },
  },
  AdaptationRolledBack: {
    type: "adaptation.rolled_back",
    timestamp: at("41:07"),
    data: { ...ofSession, from: generation, to: "base", rejections: 3 },
  },
  BudgetNear: {
    type: "budget.near",
    timestamp: at("52:30"),
    data: { month: "2026-11", spent_usd: 40.02, cap_usd: 50, share: 0.8 },
  },
  Health: {
    status: "ok",
    gpu: { status: "ok", model: model.id, provider: "cpu", queue: { waiting: 0, running: 1 } },
    inference: null,
    pools: [
      { region: "weur", status: "ok" },
      { region: "enam", status: "ok" },
    ],
  },
  Model: model,
  ModelList: { object: "list", data: [model] },
  ChatCompletionRequest: {
    model: model.id,
    messages: [{ role: "user", content: request }],
    max_tokens: 64,
  },
  ResponseRequest: { model: model.id, input: request, instructions: "Answer with the list alone." },
  Response: response,
  ChatCompletion: {
    ...completion,
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: turn.reply, refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage,
    rosa2: origin,
  },
};
