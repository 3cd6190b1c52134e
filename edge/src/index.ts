/** The Worker's entry: HTTP goes to the app, the clock to what is due; sessions and erasures are Durable Objects. */
import { reportToStripe } from "./accounts/stripe.ts";
import { createApp } from "./app.ts";
import { configOf } from "./config.ts";
import type { Env } from "./env.ts";

export { EraserObject } from "./accounts/eraser.ts";
export { SessionObject } from "./session/object.ts";

const app = createApp();

async function scheduled(_: ScheduledController, env: Env): Promise<void> {
  const { stripe } = configOf(env);
  if (stripe !== null) await reportToStripe(env.DB, stripe, Date.now());
}

export default { fetch: app.fetch, scheduled } satisfies ExportedHandler<Env>;
