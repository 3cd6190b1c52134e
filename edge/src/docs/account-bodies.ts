/** The account of the example conversation: examples of keys, money, the tenant and webhooks. */
import type { z } from "@hono/zod-openapi";
import type { usageReportSchema } from "../contract/index.ts";

export const at = (minute: string) => `2026-11-23T09:${minute}.000Z`;

const key = {
  id: "key_01KAQ2T5C0F8N7Y3W6R9J1B4DX",
  object: "api_key" as const,
  name: "back end",
  prefix: "rosa2_4fTq8Z",
  scopes: ["chat", "adapt"],
  requests_per_minute: 300,
  created_at: at("12:00"),
  expires_at: null,
  revoked_at: null,
};

export const erased = { turns: 2, generations: 1, events: 14, adapters: 1 };
const erasure = {
  status: "running",
  requested_at: at("55:00"),
  finished_at: null,
  erased: { sessions: 20, keys: 1, ...erased },
  kept: "usage by day and key and monthly totals (counts and prices; no text, sessions or owners), the spend cap, the account's name and the key that asked, for billing",
};

const usageReport: z.input<typeof usageReportSchema> = {
  object: "list",
  group_by: "day",
  data: [
    {
      group: "2026-11-23",
      prompt_tokens: 48,
      cached_tokens: 32,
      completion_tokens: 18,
      replies: 2,
      adaptations_accepted: 1,
      adaptations_rejected: 0,
      rewriter_calls: 0,
      gpu_ms: 655,
      cost: { usd: 0.0005096 },
    },
  ],
  next_cursor: null,
  holdout: {
    share: 0.1,
    since: at("00:00"),
    held_out: { people: 61, sessions: 104, tries: 2.1, acceptance: 0.62, cost_usd: 0.00041 },
    adapted: { people: 538, sessions: 911, tries: 1.6, acceptance: 0.78, cost_usd: 0.00093 },
    difference: {
      tries: { mean: -0.5, low: -0.71, high: -0.29 },
      acceptance: { mean: 0.16, low: 0.07, high: 0.25 },
      cost_usd: { mean: 0.00052, low: 0.00044, high: 0.0006 },
    },
  },
};

const adaptationSettings = { holdout_share: 0.1, roll_back_after: 3 };
const webhook = {
  id: "wh_01KAQ2T9D4M7R2V6X8Z1C3F5HJ",
  object: "webhook",
  url: "https://example.com/hooks/rosa2",
  events: ["adaptation.updated", "adaptation.rolled_back", "budget.near"],
  created_at: at("15:00"),
  disabled_at: null,
  delivered_at: at("30:41"),
  waiting: 0,
  failure: null,
};

/** By the name of their schema. */
export const accountExamples: Record<string, unknown> = {
  KeyCreate: { name: key.name, scopes: key.scopes, requests_per_minute: 300 },
  ApiKey: key,
  ApiKeyCreated: { ...key, key: `rosa2_4fTq8Z${"…".repeat(3)}` },
  ApiKeyList: { object: "list", data: [key], next_cursor: null },
  Tenant: {
    id: "ten_acme",
    object: "tenant",
    name: "Acme",
    sessions: 1_204,
    adapter_bytes: 118_512_128,
    created_at: at("10:00"),
    erasure: null,
  },
  Erasure: erasure,
  TenantAdaptationPut: adaptationSettings,
  TenantAdaptation: {
    object: "tenant.adaptation",
    ...adaptationSettings,
    holdout_since: at("00:00"),
  },
  WebhookCreate: { url: webhook.url, events: webhook.events },
  WebhookSecret: { ...webhook, secret: `whsec_${"…".repeat(3)}` },
  WebhookList: { object: "list", data: [webhook] },
  WebhookDeleted: { id: webhook.id, object: "webhook.deleted" },
  WebhookTested: { object: "webhook.tested", message_id: "msg_01KAQ2TB6N9S3W7Y0A2D4G6JKM" },
  BudgetPut: { cap_usd: 50 },
  Budget: {
    object: "budget",
    cap_usd: 50,
    month: "2026-11",
    spent_usd: 12.804,
    reserved_usd: 0.0021,
  },
  UsageReport: usageReport,
};
