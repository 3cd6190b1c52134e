/** What the tests of clients have in common: the features, what is asked, and the Worker behind `fetch`. */
import { type Caller, worker } from "./client.ts";

export const base = "http://rosa2.test/v1";
export const model = "fake-mini";
export const send = ((input: RequestInfo, init?: RequestInit) =>
  worker.fetch(input as never, init as never)) as unknown as typeof fetch;

export const parameters = {
  type: "object" as const,
  properties: { city: { type: "string" as const } },
  required: ["city"],
  additionalProperties: false as const,
};

export const features = [
  "text",
  "stream",
  "abort",
  "tools",
  "parallel tools",
  "json_schema",
  "thinking",
  "history",
  "errors",
] as const;
export type Feature = (typeof features)[number];
/** What a client makes of a feature; its result is compared with what any client must make of it. */
export type Doing = Partial<Record<Feature, (caller: Caller) => Promise<unknown>>>;

export const long = Array.from({ length: 40 }, (_, i) => `word${i}`).join(" ");
export const user = (content: string) => [{ role: "user" as const, content }];
export const earlier = [
  ...user("one"),
  { role: "assistant" as const, content: "echo: one" },
  ...user("two"),
];
export const chatTools = [{ type: "function" as const, function: { name: "weather", parameters } }];
