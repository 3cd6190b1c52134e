/**
 * A small back end for an app: it knows who has signed in, and gives that user's phone a client token for a quarter of
 * an hour. The API key stays here. It is Node alone; `SIGN_INS=secret=user,…` stands for your own sign-in.
 */
import { createServer } from "node:http";
import { Rosa2 } from "rosa2";

const { ROSA2_URL = "http://127.0.0.1:8787", ROSA2_KEY = "", PORT = "8788" } = process.env;
/** The key needs no more than the scope `mint`. */
const rosa2 = new Rosa2({ baseUrl: ROSA2_URL, apiKey: ROSA2_KEY });

/** Whose session of your app this is: put your own check here. */
const users = new Map(
  (process.env.SIGN_INS ?? "").split(",").map((pair) => pair.split("=") as [string, string]),
);
function userOf(authorization = ""): string | undefined {
  return users.get(authorization.replace(/^Bearer /, ""));
}

createServer(async (request, response) => {
  const answer = (status: number, body: object) => {
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(body));
  };
  if (request.method !== "POST" || request.url !== "/token") return answer(404, {});
  const owner = userOf(request.headers.authorization);
  if (owner === undefined || owner === "") return answer(401, { error: "Sign in first" });
  try {
    // What one user may cost in a month is yours to say.
    const { token, expires_at } = await rosa2.createClientToken({
      owner,
      ttl_seconds: 900,
      cap_usd: 1,
    });
    answer(200, { token, expires_at });
  } catch (error) {
    console.error(error);
    answer(502, { error: "No token could be made" });
  }
}).listen(Number(PORT), "127.0.0.1", () => console.log(`Tokens at http://127.0.0.1:${PORT}/token`));
