/** One call and what becomes of it, without any input or output. */

import { CallCancelled, ConnectionFailed, kindOf, Problem, UnexpectedAnswer } from "./errors.js";
import type { Sent } from "./errors.js";
import { newId } from "./identifiers.js";
import { BY_CODE } from "./problems.js";
import { readRetryAfter, RETRIED } from "./retries.js";
import type { RetryPolicy } from "./retries.js";
import { TransportFailure } from "./transport.js";
import type { TransportResponse } from "./transport.js";
import { Cancelled } from "./waiting.js";
import type { Cancellation } from "./waiting.js";

/** How a call is to be made. */
export interface CallOptions {
  /** An `AbortSignal`: ends the call where it stands. */
  readonly signal?: Cancellation | undefined;
  /** For each attempt, instead of the client's. */
  readonly timeoutSeconds?: number | undefined;
}

/** How a change is to be made. */
export interface ChangeOptions extends CallOptions {
  /** Your own name for this one change, such as an order's number; it has one anyway. */
  readonly idempotencyKey?: string | undefined;
}

/** How a change that is counted by device is to be made. */
export interface DeviceOptions extends ChangeOptions {
  /** An opaque name of the patient's device, made by your application and always the same. */
  readonly deviceId?: string | undefined;
}

/** One operation, ready to be sent. */
export interface Call {
  readonly method: string;
  /** From the hospital's address on. */
  readonly path: string;
  /** What is undefined is left out. */
  readonly query?: object | undefined;
  readonly body?: unknown;
  /** It gets an idempotency key. */
  readonly changes?: boolean;
  /** Its answer may be kept and asked for by its tag. */
  readonly isKept?: boolean;
  readonly ifNoneMatch?: string | undefined;
  readonly options: DeviceOptions;
}

/** What was answered. */
export interface Answer<T> {
  readonly status: number;
  /** Undefined where there is no body. */
  readonly data: T | undefined;
  /** Send it as `ifNoneMatch` the next time. */
  readonly etag: string | undefined;
  readonly requestId: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** It is still what you have (304). */
  readonly isUnchanged: boolean;
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The cursor of the next page; null on the last. */
  readonly next: string | null;
}

/** Reads the page of a cursor; undefined: the first. */
export type ReadPage<T> = (cursor: string | undefined) => Promise<Page<T>>;

const STANDARD_FIELDS: ReadonlySet<string> = new Set(["type", "title", "status", "detail", "code", "request_id"]);
const VISIBLE = /^[\x21-\x7e]{1,128}$/;

/** Write a value as one segment of a path, whatever stands in it. */
export function segment(value: string): string {
  if (value === "" || value === "." || value === "..") {
    throw new TypeError("An id is needed, not an empty or relative path.");
  }
  return encodeURIComponent(value);
}

/** Write what is asked as it stands in an address. */
export function queryString(query: object | undefined): string {
  const pairs = Object.entries(query ?? {})
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
  return pairs.length > 0 ? `?${pairs.join("&")}` : "";
}

/** The attempts of one call: all under one request id and one idempotency key. */
export class Exchange {
  attempts = 0;
  wantsNewToken = false;
  readonly requestId = newId();
  readonly idempotencyKey: string | undefined;
  private hasRenewedToken = false;

  constructor(
    private readonly call: Call,
    private readonly policy: RetryPolicy,
    private readonly language: string,
  ) {
    // Behind the hospital's address anything else could lead, with the token, to another host.
    if (!call.path.startsWith("/")) throw new TypeError("A path begins with a slash, such as /open/v1/departments.");
    const { idempotencyKey, deviceId } = call.options;
    for (const given of [idempotencyKey, deviceId]) {
      if (given !== undefined && !VISIBLE.test(given)) {
        throw new TypeError("An idempotency key or device id is up to 128 visible characters of ASCII.");
      }
    }
    this.idempotencyKey = call.changes ? (idempotencyKey ?? `sdk-${newId()}`) : undefined;
  }

  /** Give the headers of the next attempt. */
  headers(token: string, etag?: string): Record<string, string> {
    this.attempts += 1;
    const tag = this.call.ifNoneMatch ?? etag;
    return {
      authorization: `Bearer ${token}`,
      "accept-language": this.language,
      "x-request-id": this.requestId,
      ...(this.call.body === undefined ? {} : { "content-type": "application/json" }),
      ...(this.idempotencyKey === undefined ? {} : { "idempotency-key": this.idempotencyKey }),
      ...(this.call.options.deviceId === undefined ? {} : { "device-id": this.call.options.deviceId }),
      ...(tag === undefined ? {} : { "if-none-match": tag }),
    };
  }

  /**
   * Tell how long to wait after an attempt that got no answer.
   *
   * @throws ConnectionFailed: it was tried often enough. CallCancelled: nobody wants it any more.
   */
  failed(error: unknown): number {
    if (error instanceof Cancelled || this.call.options.signal?.aborted) throw new CallCancelled(this.sent());
    if (!(error instanceof TransportFailure)) throw error;
    const wait = this.policy.waitSeconds(this.attempts);
    if (wait === undefined) throw new ConnectionFailed(error.message, this.sent());
    return wait;
  }

  /**
   * Give the answer, or how long to wait before the next attempt.
   *
   * @throws Problem: the hospital refuses. UnexpectedAnswer: this is not the hospital's API.
   */
  answered<T>(response: TransportResponse): Answer<T> | number {
    this.wantsNewToken = false;
    if ([200, 201, 204, 304].includes(response.status)) return readAnswer<T>(response);
    if (response.status === 401 && !this.hasRenewedToken) {
      // It may have been revoked or the keys rotated since; one fresh token tells.
      this.hasRenewedToken = this.wantsNewToken = true;
      return 0;
    }
    if (RETRIED.has(response.status)) {
      const wait = this.policy.waitSeconds(this.attempts, readRetryAfter(response.headers["retry-after"]));
      if (wait !== undefined) return wait;
    }
    throw readProblem(response);
  }

  private sent(): Sent {
    return { attempts: this.attempts, requestId: this.requestId, idempotencyKey: this.idempotencyKey };
  }
}

/** Read an answer that is no refusal. */
export function readAnswer<T>(response: TransportResponse): Answer<T> {
  const { status, headers } = response;
  const requestId = headers["x-request-id"];
  let data: T | undefined;
  if (status === 200 || status === 201) {
    try {
      data = JSON.parse(response.body) as T;
    } catch {
      throw new UnexpectedAnswer("The answer is not JSON", { status, requestId });
    }
  }
  return { status, data, etag: headers["etag"], requestId, headers, isUnchanged: status === 304 };
}

/** Read a refusal: a problem of its own class, or word that it is not the hospital's. */
export function readProblem(response: TransportResponse): Problem | UnexpectedAnswer {
  const { status, headers } = response;
  const told = readObject(response.body);
  const { code, detail, request_id: named } = told as { code?: unknown; detail?: unknown; request_id?: unknown };
  const requestId = typeof named === "string" ? named : headers["x-request-id"];
  if (typeof code !== "string" || typeof detail !== "string") {
    return new UnexpectedAnswer("The refusal is not a problem document", { status, requestId });
  }
  const kind = BY_CODE.get(code) ?? kindOf(status);
  return new kind({
    code,
    status,
    detail,
    requestId,
    retryAfterSeconds: readRetryAfter(headers["retry-after"]),
    details: Object.fromEntries(Object.entries(told).filter(([name]) => !STANDARD_FIELDS.has(name))),
  });
}

/** Read an object of JSON; what is none is an empty one. */
export function readObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
