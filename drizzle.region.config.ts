import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  driver: "durable-sqlite",
  schema: ["./edge/src/accounts/purse/schema.ts", "./edge/src/accounts/region-schema.ts"],
  out: "./migrations/region",
});
