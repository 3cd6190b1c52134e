import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./edge/src/accounts/schema.ts",
  out: "./migrations/d1",
});
