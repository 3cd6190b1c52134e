/** Reads a request body: JSON, or a form with JSON and an adapter file. It knows schemas, not routes. */
import { RosaError } from "@rosa2/shared/errors";
import { limits } from "@rosa2/shared/protocol";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { z } from "zod";

export interface Body<T> {
  request: T;
  /** The adapter file; its SHA-256 was checked against the request's digest. */
  adapterBytes: Uint8Array<ArrayBuffer> | null;
}

/** Bytes of the form itself, beside the JSON and the file. */
const formBytes = 16_384;

const tooLarge = (bytesMax: number) => () => {
  throw new RosaError("payload_too_large", `Cannot take a body of more than ${bytesMax} bytes`);
};
const jsonBytesMax = limits.bodyBytesMax;
const formBytesMax = limits.bodyBytesMax + limits.adapterBytesMax + formBytes;
const limitJson = bodyLimit({ maxSize: jsonBytesMax, onError: tooLarge(jsonBytesMax) });
const limitForm = bodyLimit({ maxSize: formBytesMax, onError: tooLarge(formBytesMax) });

/**
 * Throws `invalid_json`, `invalid_request` (naming the field), `payload_too_large` or
 * `adapter_invalid` (a file that is not the one the request names).
 */
export async function readBody<S extends z.ZodType<{ adapter: { digest: string } | null }>>(
  c: Context,
  schema: S,
): Promise<Body<z.output<S>>> {
  const isForm = /^multipart\/form-data\b/i.test(c.req.header("content-type") ?? "");
  let text = "";
  let file: Blob | null = null;
  // The limit is applied while reading, because a length may be absent or wrong.
  await (isForm ? limitForm : limitJson)(c, async () => {
    if (isForm) ({ text, file } = await readForm(c));
    else text = await c.req.text();
  });
  const request = parse(text, schema);
  const adapterBytes = file === null ? null : await readAdapterFile(file, request.adapter);
  return { request, adapterBytes };
}

async function readForm(c: Context): Promise<{ text: string; file: Blob | null }> {
  let form: FormData;
  try {
    form = await c.req.formData();
  } catch (cause) {
    if (cause instanceof RosaError) throw cause;
    throw new RosaError("invalid_request", "Cannot read the body as multipart/form-data", {
      cause,
    });
  }
  const request = form.get("request");
  const adapter = form.get("adapter");
  if (request === null) {
    throw new RosaError("invalid_request", 'The form has no part "request"', { param: "request" });
  }
  if (typeof adapter === "string") {
    throw new RosaError("invalid_request", 'The part "adapter" must be a file', {
      param: "adapter",
    });
  }
  const size = typeof request === "string" ? Buffer.byteLength(request) : request.size;
  if (size > jsonBytesMax) tooLarge(jsonBytesMax)();
  if (adapter !== null && adapter.size > limits.adapterBytesMax) tooLarge(limits.adapterBytesMax)();
  return { text: typeof request === "string" ? request : await request.text(), file: adapter };
}

function parse<S extends z.ZodType>(text: string, schema: S): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RosaError("invalid_json", "The body is not JSON", { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const param = issue?.path.join(".") ?? "";
  throw new RosaError("invalid_request", `Invalid ${param || "body"}: ${issue?.message}`, {
    ...(param === "" ? {} : { param }),
  });
}

async function readAdapterFile(
  file: Blob,
  named: { digest: string } | null,
): Promise<Uint8Array<ArrayBuffer>> {
  if (named === null) {
    throw new RosaError("invalid_request", "An adapter file came without `adapter.digest`", {
      param: "adapter",
    });
  }
  const bytes = await file.arrayBuffer();
  // Hashed in the thread pool, because a large file must not block this thread.
  const digest = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
  if (digest !== named.digest) {
    throw new RosaError(
      "adapter_invalid",
      `The adapter file has SHA-256 ${digest}, the request names ${named.digest}`,
      { param: "adapter" },
    );
  }
  return new Uint8Array(bytes);
}
