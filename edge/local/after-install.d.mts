/** Types of after-install.mjs, which is plain JavaScript because any Node has to run it. */
export declare function satisfies(version: string, range: string): boolean;
export declare function refusal(
  userAgent: string | undefined,
  engines: { node: string; npm: string },
): string | null;
