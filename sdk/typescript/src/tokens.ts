/** The access token that is in use, and what it takes to get the next one. */

import { readObject, readProblem } from "./calls.js";
import type { Credentials } from "./credentials.js";
import { formOf } from "./encoding.js";
import { ConnectionFailed, TokenRefused, UnexpectedAnswer } from "./errors.js";
import { readRetryAfter, RETRIED } from "./retries.js";
import type { RetryPolicy } from "./retries.js";
import { TransportFailure } from "./transport.js";
import type { Transport, TransportResponse } from "./transport.js";
import { sleep } from "./waiting.js";

const EARLY_SECONDS_MAX = 60;
const EARLY_SHARE = 0.2;
const TOKEN_PATH = "/oauth/token";

/** An access token. */
export interface Token {
  readonly value: string;
  readonly scopes: readonly string[];
  /** When it is to be replaced, shortly before it ends: milliseconds since 1970. */
  readonly renewAt: number;
}

/** A token that your own server gives to its pages or its mini-program. */
export interface ProvidedToken {
  readonly value: string;
  /** How long it lives from now on; left out, it is kept until it is refused. */
  readonly expiresInSeconds?: number;
  readonly scopes?: readonly string[];
}

/** Gives an access token that comes from elsewhere. refused: the one before, if the hospital no longer takes it. */
export type TokenProvider = (refused: string | undefined) => Promise<string | ProvidedToken>;

/** Makes tokens; without keeping them. */
export type TokenMaker = (refused: string | undefined) => Promise<Token>;

/** Keeps the token: one asks for the next while the others wait for the same. */
export class TokenCache {
  private token!: Token | undefined;
  private pending!: Promise<Token> | undefined;
  private refused!: string | undefined;

  constructor(private readonly make: TokenMaker) {
    // Not enumerable, so that no token appears where a client is logged.
    for (const name of ["token", "pending", "refused"]) {
      Object.defineProperty(this, name, { value: undefined, writable: true });
    }
  }

  /** Give a token that will still be good when it arrives. */
  get(): Promise<Token> {
    if (this.token !== undefined && Date.now() < this.token.renewAt) return Promise.resolve(this.token);
    return this.pending ?? this.renew();
  }

  /** Get a fresh token although the last one may still be good. */
  renew(): Promise<Token> {
    const pending = this.make(this.refused).then(
      (token) => {
        // Whoever asked later, or gave a token in the meantime, knows better.
        if (this.pending === pending) this.use(token);
        return token;
      },
      (error: unknown) => {
        if (this.pending === pending) this.pending = undefined;
        throw error;
      },
    );
    this.pending = pending;
    return pending;
  }

  /** Go on with a token that was kept from elsewhere. */
  use(token: Token): void {
    this.token = token;
    this.pending = undefined;
    this.refused = undefined;
  }

  /** Let the next call get a new token, unless another call already has. */
  forget(token: Token): void {
    if (this.token !== token) return;
    this.token = undefined;
    this.refused = token.value;
  }
}

/** Make tokens of what somebody else gives. */
export function providedTokens(provider: TokenProvider): TokenMaker {
  return async (refused) => {
    const askedAt = Date.now();
    const given = await provider(refused);
    const told: ProvidedToken = typeof given === "string" ? { value: given } : given;
    if (!/^[\x21-\x7e]+$/.test(told.value)) throw new TypeError("The token provider gave no access token.");
    const renewAt = told.expiresInSeconds === undefined ? Infinity : renewalOf(askedAt, told.expiresInSeconds);
    return { value: told.value, scopes: told.scopes ?? [], renewAt };
  };
}

/** Get tokens by client_credentials, each attempt with a proof of its own, for an assertion is good only once. */
export function grantedTokens(told: {
  readonly credentials: Credentials;
  readonly issuer: string;
  readonly scopes: readonly string[];
  readonly policy: RetryPolicy;
  readonly timeoutSeconds: number;
  readonly transport: Transport;
}): TokenMaker {
  const ask = async (): Promise<TransportResponse> => {
    const { form, headers } = await told.credentials.prove(told.issuer);
    const scope = told.scopes.length > 0 ? { scope: told.scopes.join(" ") } : {};
    return told.transport({
      method: "POST",
      url: told.issuer + TOKEN_PATH,
      headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
      body: formOf({ grant_type: "client_credentials", ...form, ...scope }),
      timeoutSeconds: told.timeoutSeconds,
      signal: undefined,
      wantsStream: false,
    });
  };
  return async () => {
    for (let attempts = 1; ; attempts += 1) {
      const askedAt = Date.now();
      let wait: number | undefined;
      try {
        const response = await ask();
        wait = RETRIED.has(response.status)
          ? told.policy.waitSeconds(attempts, readRetryAfter(response.headers["retry-after"]))
          : undefined;
        if (wait === undefined) return readToken(response, askedAt);
      } catch (error) {
        if (!(error instanceof TransportFailure)) throw error;
        wait = told.policy.waitSeconds(attempts);
        if (wait === undefined) {
          const sent = { attempts, requestId: "none", idempotencyKey: undefined };
          throw new ConnectionFailed(`No access token: ${error.message}`, sent);
        }
      }
      await sleep(wait, undefined);
    }
  };
}

function readToken(response: TransportResponse, askedAt: number): Token {
  const { status, headers } = response;
  const requestId = headers["x-request-id"];
  const told = readObject(response.body) as Record<string, unknown>;
  const { access_token: value, expires_in: lives, scope, error, error_description: description } = told;
  if (status === 200 && typeof value === "string" && typeof lives === "number") {
    const scopes = typeof scope === "string" ? scope.split(" ").filter((one) => one !== "") : [];
    return { value, scopes, renewAt: renewalOf(askedAt, lives) };
  }
  if (status !== 200 && typeof error === "string") {
    const said = typeof description === "string" ? description : undefined;
    throw new TokenRefused(error, { description: said, status, requestId });
  }
  if (status !== 200 && "code" in told) throw readProblem(response);
  throw new UnexpectedAnswer("The token endpoint gives no token", { status, requestId });
}

function renewalOf(askedAt: number, livesSeconds: number): number {
  return askedAt + (livesSeconds - Math.min(EARLY_SECONDS_MAX, livesSeconds * EARLY_SHARE)) * 1000;
}
