/** In place of zod's translations of its messages, which nothing here shows: a quarter of the bundle. English is zod's own default. */
export {};
