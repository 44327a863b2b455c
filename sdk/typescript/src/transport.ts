/** What goes over the wire, and what comes back: all that the client needs of the machine it runs on. */

import { UnexpectedAnswer } from "./errors.js";
import type { Cancellation } from "./waiting.js";

/** No answer of the hospital is nearly as long; more would only fill the memory. */
const ANSWER_BYTES_MAX = 16 << 20;

/** One attempt. */
export interface TransportRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** How long the whole answer may take; of a stream, how long it may be silent. */
  readonly timeoutSeconds: number;
  readonly signal: Cancellation | undefined;
  /** A stream of events is wanted piece by piece, as it comes; anything else as a whole even so. */
  readonly wantsStream: boolean;
}

/** One answer. */
export interface TransportResponse {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** All of it; empty where it comes in pieces. */
  readonly body: string;
  /** The pieces, where they were wanted. */
  readonly chunks?: AsyncIterable<Uint8Array>;
}

/** Sends one request. It throws `TransportFailure` for what may be gone the next time. */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

/** No answer: no connection, a broken one, or silence for too long. */
export class TransportFailure extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "TransportFailure";
  }
}

/** Send by `fetch`, as Node, browsers, Deno, Bun and workers have it. */
export function fetchTransport(given?: typeof fetch): Transport {
  const send = given ?? (typeof fetch === "function" ? fetch : undefined);
  if (send === undefined) {
    throw new TypeError("There is no `fetch` here; give a transport, such as wechatTransport(wx).");
  }
  return async (request) => {
    const patience = new Patience(request);
    try {
      patience.begin();
      const response = await send(request.url, {
        method: request.method,
        headers: { ...request.headers },
        signal: patience.signal,
        // A token goes to the hospital alone, and nothing of patients stays in a browser's cache.
        redirect: "manual",
        credentials: "omit",
        cache: "no-store",
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      const headers: Record<string, string> = {};
      response.headers.forEach((value, name) => {
        headers[name.toLowerCase()] = value;
      });
      const told = { status: response.status, headers };
      if (request.wantsStream && isStream(response.status, headers) && response.body !== null) {
        return { ...told, body: "", chunks: chunksOf(response.body, patience) };
      }
      return { ...told, body: await textOf(response) };
    } catch (error) {
      if (!(error instanceof UnexpectedAnswer)) throw patience.failure(error);
      patience.cut();
      throw error;
    } finally {
      patience.end();
    }
  };
}

/** Tell a stream of events from a refusal, and from a proxy's page. */
export function isStream(status: number, headers: Readonly<Record<string, string>>): boolean {
  return status === 200 && headers["content-type"]?.startsWith("text/event-stream") === true;
}

/** Read an answer to its end, which has to come. */
async function textOf(response: Response): Promise<string> {
  if (!response.body) return response.text();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > ANSWER_BYTES_MAX) {
      const requestId = response.headers.get("x-request-id") ?? undefined;
      throw new UnexpectedAnswer("The answer is too long", { status: response.status, requestId });
    }
    text += decoder.decode(value, { stream: true });
  }
}

async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  patience: Patience,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = body.getReader();
  patience.listen();
  try {
    for (;;) {
      patience.begin();
      const { done, value } = await reader.read();
      patience.end();
      if (done) return;
      patience.listen();
      yield value;
    }
  } catch (error) {
    throw patience.failure(error);
  } finally {
    patience.cut();
  }
}

/** How long is waited for one answer, and who may end the wait. */
class Patience {
  private readonly controller = new AbortController();
  private readonly abort = (): void => this.controller.abort();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isOver = false;

  constructor(private readonly request: TransportRequest) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  begin(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.isOver = true;
      this.abort();
    }, this.request.timeoutSeconds * 1000);
    this.listen();
  }

  listen(): void {
    this.request.signal?.addEventListener("abort", this.abort);
    if (this.request.signal?.aborted) this.abort();
  }

  end(): void {
    clearTimeout(this.timer);
    this.request.signal?.removeEventListener("abort", this.abort);
  }

  cut(): void {
    this.end();
    this.abort();
  }

  failure(error: unknown): TransportFailure {
    if (this.isOver) return new TransportFailure(`no answer within ${this.request.timeoutSeconds} s`);
    const cause = error instanceof Error ? (error as { cause?: unknown }).cause : undefined;
    return new TransportFailure(cause instanceof Error ? `${String(error)}: ${cause.message}` : String(error));
  }
}
