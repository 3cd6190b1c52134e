/** The Worker's entry: HTTP goes to the app; sessions, accounts and regions are Durable Objects. */
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";

export { AccountObject } from "./accounts/object/object.ts";
export { RegionObject } from "./accounts/region.ts";
export { SessionObject } from "./session/object.ts";

const app = createApp();

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
