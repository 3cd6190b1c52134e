/** What the command tells people in one sentence, without a stack: a wrong setting, or a deployment that cannot do what was asked. */
export class Failure extends Error {
  override readonly name = "Failure";
}
