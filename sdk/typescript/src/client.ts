/** The client: one address, one access token, one method per operation. */

import { Exchange, queryString } from "./calls.js";
import type { Answer, Call, DeviceOptions, ReadPage } from "./calls.js";
import type { Credentials } from "./credentials.js";
import { UnexpectedAnswer } from "./errors.js";
import { EventReader, SILENCE_SECONDS_MAX } from "./events.js";
import { KeptAnswers } from "./kept.js";
import type { KeptAnswer } from "./kept.js";
import { Operations } from "./operations.js";
import { RetryPolicy } from "./retries.js";
import { grantedTokens, providedTokens, TokenCache } from "./tokens.js";
import type { Token, TokenProvider } from "./tokens.js";
import { fetchTransport } from "./transport.js";
import type { Transport, TransportResponse } from "./transport.js";
import { sleep, unlessCancelled } from "./waiting.js";

const TIMEOUT_SECONDS = 15;
const LOCAL = /^(?:localhost|127\.0\.0\.1|\[::1\])$/i;

/** What may be set; everything has a default. */
export interface ClientOptions {
  /** Fewer than the application has been granted, if it needs fewer. */
  readonly scopes?: readonly string[];
  /** Of the sentences for patients; Chinese unless given. */
  readonly language?: "zh" | "en";
  /** For each attempt to the end of its answer; 15 unless given. */
  readonly timeoutSeconds?: number;
  readonly retries?: RetryPolicy;
  /** How requests are sent; by `fetch` unless given. In a mini-program: `wechatTransport(wx)`. */
  readonly transport?: Transport;
}

/** What `request` may be told. */
export interface RequestOptions extends DeviceOptions {
  readonly query?: object;
  readonly body?: unknown;
  readonly ifNoneMatch?: string;
}

/** The hospital's open API, for one application. */
export class HospitalClient extends Operations {
  readonly baseUrl: string;
  private readonly language: string;
  private readonly timeoutSeconds: number;
  private readonly policy: RetryPolicy;
  private readonly transport: Transport;
  private readonly tokens: TokenCache;
  private readonly kept = new KeptAnswers();

  /**
   * baseUrl: the hospital's address, without a path. access: the application's credentials on a server; in a page or a
   * mini-program a function that fetches a token from your own server.
   */
  constructor(baseUrl: string, access: Credentials | TokenProvider, options: ClientOptions = {}) {
    super();
    this.baseUrl = cleaned(baseUrl);
    this.language = options.language ?? "zh";
    this.timeoutSeconds = options.timeoutSeconds ?? TIMEOUT_SECONDS;
    this.policy = options.retries ?? new RetryPolicy();
    this.transport = options.transport ?? fetchTransport();
    this.tokens = new TokenCache(
      typeof access === "function"
        ? providedTokens(access)
        : grantedTokens({
            credentials: access,
            issuer: this.baseUrl,
            scopes: options.scopes ?? [],
            policy: this.policy,
            timeoutSeconds: this.timeoutSeconds,
            transport: this.transport,
          }),
    );
  }

  /** Send anything, with status, tag and headers in the answer: for what has no method of its own. */
  request<T = unknown>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    const { query, body, ifNoneMatch, ...rest } = options;
    const changes = method !== "GET" && method !== "HEAD";
    return this.answer<T>({ method, path, query, body, ifNoneMatch, changes, options: rest });
  }

  /**
   * Give the access token, after getting a fresh one if the last is nearly over; one call asks, others wait.
   *
   * @throws TokenRefused: no such application, or not this proof of it.
   */
  token(): Promise<Token> {
    return this.tokens.get();
  }

  /** Get a fresh token although the last one is still good, such as after scopes were granted. */
  renewToken(): Promise<Token> {
    return this.tokens.renew();
  }

  /** Go on with a token that was kept from elsewhere; it is replaced when it ends, or is refused. */
  useToken(token: Token): void {
    this.tokens.use(token);
  }

  protected async send<T>(call: Call): Promise<T> {
    return (await this.answer<T>(call)).data as T;
  }

  /** Give the entries of all pages, one after another; a page is read when it is needed. */
  protected async *iterate<T>(readPage: ReadPage<T>): AsyncGenerator<T, void, undefined> {
    let cursor: string | undefined;
    for (;;) {
      const { items, next } = await readPage(cursor);
      // A feed always has a next page, for more may happen; it is read through when a page comes empty.
      if (items.length === 0) return;
      if (next !== null && next === cursor) {
        throw new UnexpectedAnswer("The list goes in circles", { status: 200, requestId: undefined });
      }
      yield* items;
      if (next === null) return;
      cursor = next;
    }
  }

  /** Give the events of a stream, coming back where it broke off, until the hospital says that it is over. */
  protected async *watch<T>(call: Call): AsyncGenerator<T, void, undefined> {
    const reader = new EventReader();
    const exchange = new Exchange(call, this.policy, this.language);
    for (;;) {
      let wait: number;
      try {
        const token = await this.currentToken(call);
        const headers = { ...exchange.headers(token.value), ...reader.begin() };
        const response = await this.attempt(call, headers, true);
        if (response.chunks !== undefined) {
          for await (const piece of response.chunks) {
            exchange.attempts = 0;
            for (const told of reader.take(piece)) yield told as T;
          }
          wait = reader.retrySeconds;
        } else if (response.status === 200) {
          const told = { status: 200, requestId: response.headers["x-request-id"] };
          throw new UnexpectedAnswer("The answer is no stream of events", told);
        } else {
          const outcome = exchange.answered(response);
          if (typeof outcome !== "number") return;
          if (exchange.wantsNewToken) this.tokens.forget(token);
          wait = outcome;
        }
        await sleep(wait, call.options.signal);
      } catch (error) {
        await this.pause(exchange.failed(error), exchange, call);
      }
    }
  }

  private async answer<T>(call: Call): Promise<Answer<T>> {
    const exchange = new Exchange(call, this.policy, this.language);
    const address = `${this.language} ${call.path}${queryString(call.query)}`;
    const kept = call.isKept && call.ifNoneMatch === undefined ? this.kept.find(address) : undefined;
    for (;;) {
      try {
        const token = await this.currentToken(call);
        const response = await this.attempt(call, exchange.headers(token.value, kept?.etag), false);
        const outcome = exchange.answered<T>(response);
        if (typeof outcome !== "number") {
          return call.isKept ? this.keep(address, response.body, outcome, kept) : outcome;
        }
        if (exchange.wantsNewToken) this.tokens.forget(token);
        await sleep(outcome, call.options.signal);
      } catch (error) {
        await this.pause(exchange.failed(error), exchange, call);
      }
    }
  }

  private attempt(call: Call, headers: Record<string, string>, wantsStream: boolean): Promise<TransportResponse> {
    return this.transport({
      method: call.method,
      url: `${this.baseUrl}${call.path}${queryString(call.query)}`,
      headers,
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      timeoutSeconds: wantsStream ? SILENCE_SECONDS_MAX : (call.options.timeoutSeconds ?? this.timeoutSeconds),
      signal: call.options.signal,
      wantsStream,
    });
  }

  private currentToken(call: Call): Promise<Token> {
    return unlessCancelled(this.tokens.get(), call.options.signal);
  }

  private async pause(seconds: number, exchange: Exchange, call: Call): Promise<void> {
    try {
      await sleep(seconds, call.options.signal);
    } catch (error) {
      exchange.failed(error);
    }
  }

  private keep<T>(address: string, body: string, answer: Answer<T>, kept: KeptAnswer | undefined): Answer<T> {
    if (answer.isUnchanged && kept !== undefined) {
      return { ...answer, status: 200, data: JSON.parse(kept.body) as T, etag: kept.etag, isUnchanged: false };
    }
    if (answer.etag !== undefined && answer.status === 200) this.kept.keep(address, { etag: answer.etag, body });
    return answer;
  }
}

/** Check the hospital's address; by hand, for a mini-program has no `URL`. */
function cleaned(baseUrl: string): string {
  const [, scheme, host, port = ""] = /^(https?):\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?\/?$/i.exec(baseUrl) ?? [];
  if (scheme === undefined || host === undefined) {
    throw new TypeError(
      `${baseUrl} is not the address of a hospital without a path, such as https://open.hospital.example`,
    );
  }
  if (scheme.toLowerCase() === "http" && !LOCAL.test(host)) {
    throw new TypeError("Secrets and patients' data only go over https; http is for this machine alone.");
  }
  return `${scheme}://${host}${port}`.toLowerCase();
}
