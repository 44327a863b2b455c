/** When to ask again, and how long to wait before: exponentially longer, capped, and never in step with others. */

export const RETRIED: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/**
 * How patient the client is.
 *
 * Every operation may be repeated: reads change nothing, and changes carry an idempotency key that stays the same.
 */
export class RetryPolicy {
  /** How often at most, the first included. */
  readonly attempts: number;
  readonly firstSeconds: number;
  /**
   * No wait is longer; when the hospital asks for more, the refusal is thrown instead of waiting, for a person may be
   * looking at the screen.
   */
  readonly longestSeconds: number;

  constructor(told: { attempts?: number; firstSeconds?: number; longestSeconds?: number } = {}) {
    this.attempts = told.attempts ?? 4;
    this.firstSeconds = told.firstSeconds ?? 0.25;
    this.longestSeconds = told.longestSeconds ?? 8;
    if (!(this.attempts >= 1 && this.firstSeconds >= 0 && this.longestSeconds >= this.firstSeconds)) {
      throw new RangeError("A retry policy has one attempt at least, and waits that do not shrink.");
    }
  }

  /** Tell how long to wait after the given attempt (the first is 1); undefined: give up. */
  waitSeconds(attempt: number, retryAfterSeconds?: number): number | undefined {
    if (attempt >= this.attempts) return undefined;
    if (retryAfterSeconds !== undefined && retryAfterSeconds > this.longestSeconds) return undefined;
    const whole = Math.min(this.longestSeconds, this.firstSeconds * 2 ** (attempt - 1));
    const jittered = whole / 2 + (Math.random() * whole) / 2;
    if (retryAfterSeconds === undefined) return jittered;
    // Never sooner than was asked for, and not all at that very instant.
    return retryAfterSeconds + Math.min(jittered, this.firstSeconds);
  }
}

/** Read a Retry-After header (RFC 9110 section 10.2.3): seconds, or an instant; undefined where it says neither. */
export function readRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text);
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? undefined : Math.max(0, (instant - Date.now()) / 1000);
}
