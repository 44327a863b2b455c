/**
 * How screens talk to the hospital: `read` and `change`, and nothing else.
 *
 * A read is tried again when the way there failed, is answered from what was kept when there is no network, and costs
 * a few bytes when nothing has changed (ETag). A change carries an Idempotency-Key, so that trying it again never does
 * it twice. Who is signed in is renewed once for all requests that wait for it.
 */
import * as cache from "@/api/cache";
import { type Problem, problemOf } from "@/api/problem";
import { dropTokens, holdTokens, noteTurn, sessionTurn, tokens, type Tokens } from "@/api/tokens";
import { type Answer, type Asked, type Method, send } from "@/api/transport";
import { currentLanguage } from "@/locale";
import { transport } from "@/platform";
import { now } from "@/stores/clock";

export { Problem } from "@/api/problem";

export type Query = Record<string, string | number | boolean | null | undefined>;

/** An answer, and since when it has been known. */
export interface Reading<T> {
  data: T;
  readAt: number;
  /** True where the hospital could not be asked and this is what it said before. */
  isKept: boolean;
}

const ROOT = "/app/v1";
const READ_TRIES_MAX = 3;
const PAUSE_MILLISECONDS = 400;
const PASSING = new Set([502, 503, 504]);

/** What is being read, by whom and in which language: who asks for the same meanwhile gets the same answer. */
const underWay = new Map<string, Promise<unknown>>();
/** Who asks after a change does not get an answer from before it. */
let changes = 0;

/**
 * Read what a screen shows.
 *
 * Throws Problem: offline or slow (and nothing kept), signed-out, refused with the hospital's sentence, broken.
 */
export function read<T>(path: string, query: Query = {}): Promise<Reading<T>> {
  const address = ROOT + path + inAddress(query);
  const name = `${currentLanguage()}:${address}`;
  const mark = `${sessionTurn()}:${changes}:${name}`;
  const reading = underWay.get(mark) ?? readAnew<T>(name, address).finally(() => underWay.delete(mark));
  underWay.set(mark, reading);
  return reading as Promise<Reading<T>>;
}

async function readAnew<T>(name: string, address: string): Promise<Reading<T>> {
  const known = cache.find(name);
  const turn = sessionTurn();
  let answer: Answer;
  try {
    answer = await persistently(() =>
      authorised({ method: "GET", path: address, headers: known?.etag ? { "If-None-Match": known.etag } : {} }),
    );
  } catch (error) {
    const problem = error as Problem;
    if (known && (problem.kind === "offline" || problem.kind === "slow")) {
      return { data: known.body as T, readAt: known.readAt, isKept: true };
    }
    throw error;
  }
  const readAt = now();
  const keep = (entry: cache.Kept): void => {
    // Who signed out meanwhile leaves nothing behind for the next.
    if (turn === sessionTurn()) {
      cache.put(name, entry);
    }
  };
  if (answer.status === 304 && known) {
    keep({ ...known, readAt });
    return { data: known.body as T, readAt, isKept: false };
  }
  if (answer.status !== 200) {
    throw problemOf(answer.status, answer.body);
  }
  keep({ body: answer.body, etag: answer.headers.etag ?? null, readAt });
  return { data: answer.body as T, readAt, isKept: false };
}

/** Read something that must not stay on the device: a copy of everything that is known of somebody. */
export async function readOnce<T>(path: string): Promise<T> {
  const answer = await persistently(() => authorised({ method: "GET", path: ROOT + path, headers: {} }));
  if (answer.status !== 200) {
    throw problemOf(answer.status, answer.body);
  }
  return answer.body as T;
}

/** Give what was kept of a read, to show at once while the hospital is asked; null if nothing was. */
export function recall<T>(path: string, query: Query = {}): Reading<T> | null {
  const known = cache.find(`${currentLanguage()}:${ROOT}${path}${inAddress(query)}`);
  return known ? { data: known.body as T, readAt: known.readAt, isKept: true } : null;
}

/**
 * Change something at the hospital.
 *
 * `key` is the same for every try of one thing the person wants (see `useAction`, which makes it).
 *
 * Throws Problem: offline or slow (whether it was done is unknown: try again with the same key), signed-out, refused,
 * broken.
 */
export async function change<T>(
  method: Exclude<Method, "GET">,
  path: string,
  body: object | undefined,
  key: string,
): Promise<T> {
  const headers: Record<string, string> = { "Idempotency-Key": key };
  const asked = { method, path: ROOT + path, headers, ...(body ? { body } : {}) };
  const answer = await authorised(asked).finally(() => {
    changes += 1;
  });
  if (answer.status < 200 || answer.status >= 300) {
    throw problemOf(answer.status, answer.body);
  }
  return answer.body as T;
}

/** Make a key for one thing that the person wants done. */
export function newKey(): string {
  const part = (): string => Math.floor(Math.random() * 0x1_0000_0000).toString(16).padStart(8, "0");
  return `${Date.now().toString(16)}-${part()}${part()}${part()}`;
}

/** Who is told when the session has ended for good. */
let onSignedOut: () => void = () => undefined;
/** And who when the browser turns out to hold another's session: they signed in by another tab. */
let onOtherSession: () => void = () => undefined;

export function whenSignedOut(tell: () => void): void {
  onSignedOut = tell;
}

export function whenOtherSession(tell: () => void): void {
  onOtherSession = tell;
}

/** Send with the access token; renew it once where it has run out. */
async function authorised(asked: Asked): Promise<Answer> {
  const used = tokens()?.access_token;
  const turn = sessionTurn();
  const answer = await send(dressed(asked));
  if (answer.status !== 401 || !mayRenew || turn !== sessionTurn()) {
    return answer;
  }
  if (tokens()?.access_token === used && !(await renewSession())) {
    return answer;
  }
  // Nothing is asked in the name of somebody else than who wanted it.
  return turn === sessionTurn() ? send(dressed(asked)) : answer;
}

function dressed(asked: Asked): Asked {
  const headers: Record<string, string> = {
    Accept: "application/json",
    ...headersNow(),
    ...(asked.body ? { "Content-Type": "application/json" } : {}),
    ...asked.headers,
  };
  return { ...asked, headers };
}

/** Who asks, and in which language, as every request says. */
export function headersNow(): Record<string, string> {
  const held = tokens();
  return {
    "Accept-Language": currentLanguage() === "en" ? "en" : "zh-CN",
    ...(held ? { Authorization: `Bearer ${held.access_token}` } : {}),
  };
}

/** Somebody who never signed in here has no session that could be renewed. */
let mayRenew = false;

export function expectSession(isExpected: boolean): void {
  mayRenew = isExpected;
}

let renewal: Promise<boolean> | null = null;

/** Get a new access token; those who ask meanwhile wait for the same one. Tells whether there is one. */
export function renewSession(): Promise<boolean> {
  renewal ??= renew().finally(() => {
    renewal = null;
  });
  return renewal;
}

async function renew(): Promise<boolean> {
  const turn = sessionTurn();
  const refresh = tokens()?.refresh_token;
  const body = transport === "body" ? { transport, refresh_token: refresh } : { transport };
  // Asked again when the answer was lost on the way: the hospital bears that for a moment.
  const answer = await persistently(() =>
    send({
      method: "POST",
      path: `${ROOT}/sessions/refresh`,
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body,
    }),
  );
  if (turn !== sessionTurn()) {
    // Somebody signed out or in meanwhile: these tokens are of a session that has ended.
    return tokens() !== null;
  }
  if (answer.status === 200) {
    begin(answer.body as Tokens);
    return true;
  }
  if (answer.status >= 500 || answer.status === 429) {
    throw problemOf(answer.status, answer.body);
  }
  noteTurn();
  dropTokens();
  cache.wipe();
  mayRenew = false;
  onSignedOut();
  return false;
}

function begin(given: Tokens): void {
  holdTokens(given);
  if (cache.belongTo(given.session_id)) {
    noteTurn();
    onOtherSession();
  }
}

/** Try again what may be tried again, with a pause that grows. */
async function persistently(ask: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const isLast = tries === READ_TRIES_MAX;
    try {
      const answer = await ask();
      if (isLast || !PASSING.has(answer.status)) {
        return answer;
      }
    } catch (error) {
      if (isLast || (error as Problem).kind !== "offline") {
        throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS * tries * tries));
  }
}

/** Write a query as part of an address; what is null or undefined is left out. */
export function inAddress(query: Query): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
  return parts.length > 0 ? `?${parts.join("&")}` : "";
}
