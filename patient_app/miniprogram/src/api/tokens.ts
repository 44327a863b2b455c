/**
 * The proof of who is signed in: a short access token, and a refresh token that changes with each use.
 *
 * In a browser the access token lives in memory only and the refresh token is a cookie no script reads; in the
 * mini-program both lie in its own storage, which no other program reaches.
 */
import { forget, keep, kept, transport } from "@/platform";

export interface Tokens {
  session_id: string;
  access_token: string;
  refresh_token?: string | null;
}

const NAME = "tokens";
let held: Tokens | null = transport === "body" ? kept<Tokens>(NAME) : null;
let turn = 0;

/** Counts how often somebody signed in or out: an answer to what was asked before is nobody's any more. */
export function sessionTurn(): number {
  return turn;
}

export function noteTurn(): void {
  turn += 1;
}

export function tokens(): Tokens | null {
  return held;
}

export function holdTokens(given: Tokens): void {
  const { session_id, access_token, refresh_token } = given;
  held = { session_id, access_token, refresh_token: refresh_token ?? null };
  if (transport === "body") {
    keep(NAME, held);
  }
}

export function dropTokens(): void {
  held = null;
  forget(NAME);
}
