import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  driver: "durable-sqlite",
  schema: "./edge/src/accounts/object/schema.ts",
  out: "./migrations/account",
});
