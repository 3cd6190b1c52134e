/** The public HTTP API as the local tools call it: typed by the edge's own contract, errors as one exception. */
import type { ErrorBody } from "@rosa2/shared/errors";

export class ApiError extends Error {
  readonly status: number;
  readonly error: ErrorBody["error"];
  readonly headers: Headers;

  constructor(response: Response, body: ErrorBody) {
    super(`${response.status} ${body.error.code}: ${body.error.message}`);
    this.status = response.status;
    this.error = body.error;
    this.headers = response.headers;
  }
}

export class Api {
  readonly url: string;
  readonly key: string;

  constructor({ url, key }: { url: string; key: string }) {
    this.url = url;
    this.key = key;
  }

  get<T>(path: string): Promise<T> {
    return this.#call("GET", path);
  }

  post<T>(path: string, body: object = {}): Promise<T> {
    return this.#call("POST", path, body);
  }

  /** Throws `ApiError` for an error answer. */
  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new ApiError(response, answer as ErrorBody);
    return answer as T;
  }
}
