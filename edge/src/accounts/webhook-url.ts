/**
 * Which addresses webhooks may be posted to: public names over https, so that the edge cannot be sent into a private
 * network.
 */
import { RosaError } from "@rosa2/shared/errors";

/** Names without public meaning (RFC 6761, 6762, 7686, 8375, 9476), and usual names of private networks. */
const privateNames =
  /(^|\.)(localhost|local|internal|intranet|private|corp|home|lan|home\.arpa|test|example|invalid|onion|alt)$/;

/**
 * The address in the form in which it will be used. `localhost` allows http to this machine, for a local rosa2.
 *
 * @throws RosaError `invalid_request`.
 */
export function checkedWebhookUrl(text: string, { localhost }: { localhost: boolean }): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) throw refused("must be a URL");
  if (url.username !== "" || url.password !== "") throw refused("may hold no user or password");
  const name = url.hostname.replace(/\.$/, "");
  const isOwn = name === "localhost" || name === "127.0.0.1" || name === "[::1]";
  if (localhost && isOwn && /^https?:$/.test(url.protocol)) return url.href;
  if (url.protocol !== "https:") throw refused("must begin with https://");
  // A URL's host is normalised: every spelling of a numeric address ends as digits and dots, or in brackets.
  if (/^[\d.]+$/.test(name) || name.startsWith("[")) {
    throw refused("must name a host, not an address");
  }
  if (!name.includes(".") || privateNames.test(name)) throw refused("must name a public host");
  return url.href;
}

function refused(why: string): RosaError {
  return new RosaError("invalid_request", `url: ${why}`, { param: "url" });
}
