/**
 * Replaces zod's translations of its messages, which are a quarter of the bundle and never shown. English is zod's
 * default.
 */
export {};
