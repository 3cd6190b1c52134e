/** The Worker's entry: HTTP goes to the app, sessions are Durable Objects. */
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";

export { SessionObject } from "./session/index.ts";

const app = createApp();

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
