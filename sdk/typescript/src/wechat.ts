/** Sends by `wx.request`, the only way out of a WeChat mini-program; it has neither fetch nor what comes with it. */

import { decoded } from "./events.js";
import { isStream, TransportFailure } from "./transport.js";
import type { Transport, TransportRequest, TransportResponse } from "./transport.js";

/** A stream is asked for anew before WeChat ends it without a word. */
const STREAM_SECONDS_MAX = 600;
const UNREAD_BYTES_MAX = 1 << 20;
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);

/** What `wx.request` is given. */
export interface WechatRequest {
  url: string;
  method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  header: Record<string, string>;
  data?: string;
  /** Anything but `json` leaves the answer as it came. */
  dataType: string;
  responseType: "text";
  /** Milliseconds. */
  timeout: number;
  redirect: "manual";
  enableChunked?: boolean;
  success(result: WechatResult): void;
  fail(error: { errMsg: string }): void;
}

/** What `wx.request` gives. */
export interface WechatResult {
  statusCode: number;
  header: Record<string, unknown>;
  data: unknown;
}

/** A request on its way. */
export interface WechatTask {
  abort(): void;
  onHeadersReceived(listener: (told: { header: Record<string, unknown>; statusCode?: number }) => void): void;
  onChunkReceived(listener: (told: { data: ArrayBuffer }) => void): void;
}

/** What is needed of `wx`. */
export interface Wechat {
  request(options: WechatRequest): WechatTask;
}

/** Send by `wx.request`; live streams need base library 2.20.2. The hospital's domain is to be in your request list. */
export function wechatTransport(wx: Wechat): Transport {
  return (request) => {
    if (!METHODS.has(request.method)) {
      throw new TypeError(`wx.request knows no ${request.method}; send this from your server.`);
    }
    return new Promise((resolve, reject) => new Sending(wx, request, resolve, reject).begin());
  };
}

/** One request, from when it is sent until the last of it has come. */
class Sending {
  private task: WechatTask | undefined;
  private readonly pieces: Pieces;
  private readonly abort = (): void => this.task?.abort();

  constructor(
    private readonly wx: Wechat,
    private readonly request: TransportRequest,
    private readonly resolve: (response: TransportResponse) => void,
    private readonly reject: (error: Error) => void,
  ) {
    this.pieces = new Pieces(this.request.timeoutSeconds, this.abort);
  }

  begin(): void {
    const { request } = this;
    request.signal?.addEventListener("abort", this.abort);
    const task = this.wx.request({
      url: request.url,
      method: request.method as WechatRequest["method"],
      header: { ...request.headers },
      ...(request.body === undefined ? {} : { data: request.body }),
      dataType: "text",
      responseType: "text",
      timeout: (request.wantsStream ? STREAM_SECONDS_MAX : request.timeoutSeconds) * 1000,
      redirect: "manual",
      ...(request.wantsStream ? { enableChunked: true } : {}),
      success: (told) => this.succeed(told),
      fail: (told) => this.fail(told.errMsg),
    });
    this.task = task;
    if (request.wantsStream) {
      this.pieces.listen();
      task.onHeadersReceived((told) => this.hear(told));
      task.onChunkReceived((told) => this.pieces.add(new Uint8Array(told.data)));
    }
    if (request.signal?.aborted) this.abort();
  }

  private hear(told: { header: Record<string, unknown>; statusCode?: number }): void {
    const headers = lowered(told.header);
    // The developer tools do not tell the status here; a stream of events is never a refusal.
    if (isStream(told.statusCode ?? 200, headers)) {
      this.resolve({ status: 200, headers, body: "", chunks: this.pieces });
    }
  }

  private succeed(told: WechatResult): void {
    this.end();
    this.pieces.end();
    // Where a stream was wanted and refused, even the refusal may come in pieces.
    const body = typeof told.data === "string" && told.data !== "" ? told.data : decoded(this.pieces.unread());
    this.resolve({ status: told.statusCode, headers: lowered(told.header), body });
  }

  private fail(reason: string): void {
    this.end();
    const failure = new TransportFailure(reason);
    this.pieces.end(failure);
    this.reject(failure);
  }

  private end(): void {
    this.request.signal?.removeEventListener("abort", this.abort);
  }
}

/** The pieces that have come and are not read yet. */
class Pieces implements AsyncIterable<Uint8Array> {
  private readonly waiting: Uint8Array[] = [];
  private bytes = 0;
  private isOver = false;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly silenceSeconds: number,
    private readonly abort: () => void,
  ) {}

  /** Begin to wait for the next piece. */
  listen(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.cut(`nothing was heard for ${this.silenceSeconds} s`),
      this.silenceSeconds * 1000,
    );
  }

  add(piece: Uint8Array): void {
    if (this.isOver) return;
    this.listen();
    this.waiting.push(piece);
    this.bytes += piece.length;
    if (this.bytes > UNREAD_BYTES_MAX) this.cut("more has come than is read");
    this.wake();
  }

  end(failure?: Error): void {
    clearTimeout(this.timer);
    if (this.isOver) return;
    this.isOver = true;
    this.failure = failure;
    this.wake();
  }

  unread(): number[] {
    return this.waiting.flatMap((piece) => Array.from(piece));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const piece = this.waiting.shift();
        if (piece !== undefined) {
          this.bytes -= piece.length;
          yield piece;
        } else if (this.isOver) {
          if (this.failure !== undefined) throw this.failure;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
        }
      }
    } finally {
      if (!this.isOver) this.cut("nobody reads on");
    }
  }

  /** What is not read yet is told again on the next connection. */
  private cut(reason: string): void {
    this.waiting.length = 0;
    this.end(new TransportFailure(reason));
    this.abort();
  }
}

function lowered(header: Record<string, unknown>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) found[name.toLowerCase()] = String(value);
  return found;
}
