/** The client's types are the server's: what a schema takes and gives, the client's type is, exactly. */
import type { z } from "@hono/zod-openapi";
import type { ErrorCode as ServerCode, ErrorType as ServerType } from "@rosa2/shared/errors";
import type * as client from "rosa2";
import { expectTypeOf, it } from "vitest";
import type * as contract from "../../../edge/src/contract/index.ts";
import type { ChatRequest } from "../../../edge/src/routes/openai/request.ts";

type Given<Name extends keyof typeof contract> = (typeof contract)[Name] extends z.ZodType
  ? z.output<(typeof contract)[Name]>
  : never;
type Taken<Name extends keyof typeof contract> = (typeof contract)[Name] extends z.ZodType
  ? z.input<(typeof contract)[Name]>
  : never;

/** A schema that extends another is an intersection there and one object here. */
type Flat<T> = { [Key in keyof T]: T[Key] };

it("gives what the server gives", () => {
  expectTypeOf<client.Turn>().toEqualTypeOf<Given<"turnSchema">>();
  expectTypeOf<Flat<client.Session>>().toEqualTypeOf<Given<"sessionDetailSchema">>();
  expectTypeOf<client.SessionSummary>().toEqualTypeOf<Given<"sessionSchema">>();
  expectTypeOf<client.SessionList>().toEqualTypeOf<Given<"sessionListSchema">>();
  expectTypeOf<client.SessionErased>().toEqualTypeOf<Given<"erasedSchema">>();
  expectTypeOf<client.Words>().toEqualTypeOf<Given<"wordsReportSchema">>();
  expectTypeOf<client.WordsState>().toEqualTypeOf<Given<"wordsStateSchema">>();
  expectTypeOf<client.Weights>().toEqualTypeOf<Given<"weightsReportSchema">>();
  expectTypeOf<client.FeedbackResult>().toEqualTypeOf<Given<"feedbackResultSchema">>();
  expectTypeOf<client.FeedbackRecord>().toEqualTypeOf<Given<"feedbackRecordSchema">>();
  expectTypeOf<client.Reach>().toEqualTypeOf<Given<"reachSchema">>();
  expectTypeOf<client.Generation>().toEqualTypeOf<Given<"generationSchema">>();
  expectTypeOf<client.GenerationList>().toEqualTypeOf<Given<"generationListSchema">>();
  expectTypeOf<client.ApiKey>().toEqualTypeOf<Given<"keySchema">>();
  expectTypeOf<Flat<client.ApiKeyCreated>>().toEqualTypeOf<Given<"keyCreatedSchema">>();
  expectTypeOf<client.ApiKeyList>().toEqualTypeOf<Given<"keyListSchema">>();
  expectTypeOf<client.ClientToken>().toEqualTypeOf<Given<"clientTokenSchema">>();
  expectTypeOf<client.ClientTokenList>().toEqualTypeOf<Given<"clientTokenListSchema">>();
  expectTypeOf<client.ClientTokensRevoked>().toEqualTypeOf<Given<"tokensRevokedSchema">>();
  expectTypeOf<client.SigningKey>().toEqualTypeOf<Given<"signingKeySchema">>();
  expectTypeOf<client.SigningKeyList>().toEqualTypeOf<Given<"signingKeyListSchema">>();
  expectTypeOf<client.Tenant>().toEqualTypeOf<Given<"tenantSchema">>();
  expectTypeOf<client.TenantAdaptation>().toEqualTypeOf<Given<"tenantAdaptationSchema">>();
  expectTypeOf<client.Webhook>().toEqualTypeOf<Given<"webhookSchema">>();
  expectTypeOf<Flat<client.WebhookSecret>>().toEqualTypeOf<Given<"webhookSecretSchema">>();
  expectTypeOf<client.Budget>().toEqualTypeOf<Given<"budgetSchema">>();
  expectTypeOf<client.UsageReport>().toEqualTypeOf<Given<"usageReportSchema">>();
  expectTypeOf<client.Usage>().toEqualTypeOf<Given<"usageSchema">>();
  expectTypeOf<client.Cost>().toEqualTypeOf<Given<"costSchema">>();
  expectTypeOf<client.ErrorBody>().toEqualTypeOf<Given<"errorSchema">>();
});

it("takes what the server takes", () => {
  expectTypeOf<client.SessionCreate>().toEqualTypeOf<Taken<"sessionCreateSchema">>();
  expectTypeOf<client.TurnCreate>().toEqualTypeOf<Taken<"turnCreateSchema">>();
  expectTypeOf<client.Feedback>().toEqualTypeOf<Taken<"feedbackSchema">>();
  expectTypeOf<client.Fork>().toEqualTypeOf<Taken<"forkSchema">>();
  expectTypeOf<client.ConstraintPatch>().toEqualTypeOf<Taken<"constraintPatchSchema">>();
  expectTypeOf<client.KeyCreate>().toEqualTypeOf<Taken<"keyCreateSchema">>();
  expectTypeOf<client.ClientTokenCreate>().toEqualTypeOf<Taken<"clientTokenCreateSchema">>();
  expectTypeOf<client.ClientTokenBatch>().toEqualTypeOf<Taken<"clientTokenBatchSchema">>();
  expectTypeOf<client.SigningKeyCreate>().toEqualTypeOf<Taken<"signingKeyCreateSchema">>();
  expectTypeOf<client.SessionPatch>().toEqualTypeOf<Taken<"sessionPatchSchema">>();
  expectTypeOf<client.Lexicon>().toEqualTypeOf<Taken<"lexiconSchema">>();
  expectTypeOf<client.BudgetPut>().toEqualTypeOf<Taken<"budgetPutSchema">>();
  expectTypeOf<client.ChatCompletionRequest>().toExtend<ChatRequest>();
  expectTypeOf<ChatRequest>().toExtend<client.ChatCompletionRequest>();
});

it("knows the server's errors", () => {
  expectTypeOf<client.ErrorCode>().toEqualTypeOf<ServerCode>();
  expectTypeOf<client.ErrorType>().toEqualTypeOf<ServerType>();
});

it("knows the server's stream events", () => {
  expectTypeOf<client.LogEvent["type"] | client.FeedbackEvent["type"] | "error">().toEqualTypeOf<
    contract.LogEvent["type"]
  >();
});
