import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  driver: "durable-sqlite",
  schema: ["./edge/src/session/store/schema.ts", "./edge/src/accounts/purse/schema.ts"],
  out: "./migrations/session",
});
