/** A failure in words for the person at the terminal, printed without a stack. */
export class Failure extends Error {}
