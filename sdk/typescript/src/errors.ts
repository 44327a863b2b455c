/**
 * HospitalApiError
 * ├── ConnectionFailed    nothing was answered, however often it was asked
 * ├── CallCancelled       the caller no longer wanted an answer
 * ├── UnexpectedAnswer    what was answered is not of this API: a proxy's page, a broken list
 * ├── TokenRefused        the token endpoint knows no such application, or not this proof of it
 * ├── WebhookRefused      a message that the hospital did not sign, or not just now
 * └── Problem             the hospital refuses, and says why by `code`
 *     ├── BadRequest           400, 405, 413, 415
 *     ├── Unauthenticated      401
 *     ├── Forbidden            403
 *     ├── NotFound             404: absent, or not yours
 *     ├── Conflict             409: a rule or another patient stands in the way
 *     ├── Unprocessable        422: `violations` says where
 *     ├── TooManyRequests      429: `retryAfterSeconds` says when again
 *     ├── Unavailable          502, 503, 504
 *     └── ServerError          500 and the rest
 *
 * Every code has a class of its own in `problems`, below one of these.
 */

/** Whatever this library throws on purpose. */
export class HospitalApiError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** What was sent each time, by which the hospital and you find the call again. */
export interface Sent {
  readonly attempts: number;
  readonly requestId: string;
  /** Undefined where nothing would be changed. */
  readonly idempotencyKey: string | undefined;
}

/** No answer came. A change may have happened or not: the same idempotency key finds out, and is safe to send. */
export class ConnectionFailed extends HospitalApiError implements Sent {
  readonly attempts: number;
  readonly requestId: string;
  readonly idempotencyKey: string | undefined;

  constructor(reason: string, sent: Sent) {
    super(`${reason} (asked ${sent.attempts} times, request ${sent.requestId})`);
    this.attempts = sent.attempts;
    this.requestId = sent.requestId;
    this.idempotencyKey = sent.idempotencyKey;
  }
}

/** The call's `signal` was aborted. A change may have happened or not: the same idempotency key finds out. */
export class CallCancelled extends HospitalApiError implements Sent {
  readonly attempts: number;
  readonly requestId: string;
  readonly idempotencyKey: string | undefined;

  constructor(sent: Sent) {
    super(`The call was cancelled (asked ${sent.attempts} times, request ${sent.requestId})`);
    this.attempts = sent.attempts;
    this.requestId = sent.requestId;
    this.idempotencyKey = sent.idempotencyKey;
  }
}

/** An answer that this API does not give: often a proxy's or a firewall's own page. */
export class UnexpectedAnswer extends HospitalApiError {
  readonly status: number;
  readonly requestId: string | undefined;

  constructor(reason: string, told: { status: number; requestId: string | undefined }) {
    super(`${reason} (status ${told.status}, request ${told.requestId ?? "unknown"})`);
    this.status = told.status;
    this.requestId = told.requestId;
  }
}

/** The token endpoint refuses (RFC 6749 section 5.2): `error` is its code, such as `invalid_client`. */
export class TokenRefused extends HospitalApiError {
  readonly error: string;
  readonly description: string | undefined;
  readonly status: number;
  readonly requestId: string | undefined;

  constructor(error: string, told: { description: string | undefined; status: number; requestId: string | undefined }) {
    super(`${error}${told.description ? `: ${told.description}` : ""} (request ${told.requestId ?? "unknown"})`);
    this.error = error;
    this.description = told.description;
    this.status = told.status;
    this.requestId = told.requestId;
  }
}

/** A webhook message that must not be believed; answer it with 400 and do nothing. */
export class WebhookRefused extends HospitalApiError {}

/** What a refusal says (RFC 9457). */
export interface ProblemTold {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A class of refusals. */
export type ProblemClass = new (told: ProblemTold) => Problem;

/** A refusal by the hospital (RFC 9457). */
export class Problem extends HospitalApiError implements ProblemTold {
  /** What programs decide by. */
  readonly code: string;
  readonly status: number;
  /** A sentence that can be shown to a patient. */
  readonly detail: string;
  /** Quote it when you ask the hospital. */
  readonly requestId: string | undefined;
  /** How long to wait before asking again, where the hospital says so. */
  readonly retryAfterSeconds: number | undefined;
  /** Whatever else the refusal says, such as `field` or `deadline_at`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(told: ProblemTold) {
    super(`${told.code}: ${told.detail} (status ${told.status}, request ${told.requestId ?? "unknown"})`);
    this.code = told.code;
    this.status = told.status;
    this.detail = told.detail;
    this.requestId = told.requestId;
    this.retryAfterSeconds = told.retryAfterSeconds;
    this.details = told.details;
  }
}

/** The request cannot be meant; the same again will be refused again. */
export class BadRequest extends Problem {}

/** The access token is not accepted, nor was a fresh one. */
export class Unauthenticated extends Problem {}

/** This application may not do that. */
export class Forbidden extends Problem {}

/** Not there, or not yours: the two look alike. */
export class NotFound extends Problem {}

/** A rule of the hospital or another patient stands in the way. */
export class Conflict extends Problem {}

/** One place where a request breaks its schema. */
export interface Violation {
  /** A JSON pointer into what was sent. */
  readonly pointer: string;
  /** The rule of JSON Schema that is broken, such as `maxLength`. */
  readonly rule: string;
  readonly message: string;
}

/** The request breaks its schema. */
export class Unprocessable extends Problem {
  /** Where it breaks. */
  get violations(): readonly Violation[] {
    return (this.details["violations"] ?? []) as readonly Violation[];
  }
}

/** Your application is faster than is allowed. */
export class TooManyRequests extends Problem {}

/** Something the hospital needs is out of reach for now. */
export class Unavailable extends Problem {}

/** The hospital's own fault; the request id finds it. */
export class ServerError extends Problem {}

const BY_STATUS: ReadonlyMap<number, ProblemClass> = new Map<number, ProblemClass>([
  [401, Unauthenticated],
  [403, Forbidden],
  [404, NotFound],
  [409, Conflict],
  [422, Unprocessable],
  [429, TooManyRequests],
  [502, Unavailable],
  [503, Unavailable],
  [504, Unavailable],
]);

/** Tell which kind of problem a status means, for codes that this library does not know yet. */
export function kindOf(status: number): ProblemClass {
  return BY_STATUS.get(status) ?? (status >= 500 ? ServerError : BadRequest);
}
