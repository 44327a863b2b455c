/** Signing in and out. */
import * as cache from "@/api/cache";
import { expectSession, newKey, Problem } from "@/api/client";
import * as operations from "@/api/operations";
import { dropTokens, holdTokens, noteTurn, type Tokens } from "@/api/tokens";
import { send } from "@/api/transport";
import type { PhoneCode } from "@/api/types";
import { forget, keep, kept, randomBytes, transport } from "@/platform";

const OWED = "sign-out-owed";

/** The version of the privacy policy that the sign-in screen shows; a new text gets a new version. */
export const PRIVACY_VERSION = "2026-11";

/** Have a code sent to a phone. */
export function sendPhoneCode(phone: string): Promise<PhoneCode> {
  return operations.sendPhoneCode({ phone }, newKey());
}

/** Sign in by the code that came to the phone. */
export async function signInByPhone(challenge: string, code: string): Promise<void> {
  await finishSignOut();
  const asked = { challenge, code, transport, privacy_version: PRIVACY_VERSION };
  begin(await operations.signInByCode(asked, newKey()));
}

/** WeChat knows the person, and the hospital wants their number once. `secret` proves that it is this phone. */
export interface WechatTicket {
  text: string;
  secret: string;
}

/** Sign in as WeChat knows the person. Gives null once they are in, or a ticket for showing their number. */
export async function signInByWechat(wechatCode: string): Promise<WechatTicket | null> {
  const secret = inBase64(await randomBytes(SECRET_BYTES));
  const given = await operations.signInByWechat({ code: wechatCode, device_secret: secret }, newKey());
  if (given.session) {
    begin(given.session);
    return null;
  }
  return { text: given.ticket ?? "", secret };
}

/** Go on with a ticket; `phoneCode` is what WeChat's button for the phone number gave. */
export async function showWechatPhone(ticket: WechatTicket, phoneCode: string): Promise<void> {
  const asked = {
    ticket: ticket.text,
    phone_code: phoneCode,
    device_secret: ticket.secret,
    privacy_version: PRIVACY_VERSION,
  };
  begin(await operations.signInByWechatPhone(asked, newKey()));
}

/** Whose account is it? Asked of who proves a number that was proved long ago. `triesLeft` 0: no answer opens it. */
export interface HolderQuestion {
  token: string;
  triesLeft: number;
}

/** Read the question out of a refusal to sign in; null where it is none. */
export function questionOf(problem: Problem): HolderQuestion | null {
  const { question, tries_left: triesLeft } = problem.details;
  return problem.code === "sign_in.holder_unsure" && typeof question === "string"
    ? { token: question, triesLeft: Number(triesLeft ?? 0) }
    : null;
}

/** Answer it with how an ID number in the account ends; null: it is another's, and the number gets a new account. */
export async function answerHolder(question: string, ending: string | null): Promise<void> {
  const asked = { question, ending, transport, privacy_version: PRIVACY_VERSION };
  begin(await operations.signInByAnswer(asked, newKey()));
}

/** End this device's session. Without a network it ends here at least, and there as soon as there is one again. */
export async function signOut(): Promise<void> {
  try {
    await operations.signOut(newKey());
  } catch (error) {
    if (transport === "cookie" && !(error instanceof Problem && error.kind === "signed-out")) {
      // No script can take the cookie away, and whoever uses this browser next could go on with it.
      keep(OWED, true);
    }
    throw error;
  } finally {
    leave();
  }
}

/** Forget on this device who was signed in. */
export function leave(): void {
  noteTurn();
  dropTokens();
  cache.wipe();
  expectSession(false);
}

/** End the session that the hospital could not be told had ended; where that fails again, it is owed still. */
export async function finishSignOut(): Promise<void> {
  if (!kept<boolean>(OWED)) {
    return;
  }
  try {
    const headers = { Accept: "application/json", "Content-Type": "application/json" };
    const renewed = await send({ method: "POST", path: "/app/v1/sessions/refresh", headers, body: { transport } });
    if (renewed.status === 200) {
      const Authorization = `Bearer ${(renewed.body as Tokens).access_token}`;
      await send({ method: "DELETE", path: "/app/v1/session", headers: { ...headers, Authorization } });
    }
    if (renewed.status === 200 || renewed.status === 401) {
      forget(OWED);
    }
  } catch {
    // There is no network yet.
  }
}

function begin(given: Tokens): void {
  noteTurn();
  forget(OWED);
  cache.wipe();
  cache.belongTo(given.session_id);
  holdTokens(given);
  expectSession(true);
}

const SECRET_BYTES = 32;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Write bytes as the web does in addresses (RFC 4648 section 5), which neither target does by itself. */
function inBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let place = 0; place < 4 && at * 8 + place * 6 < bytes.length * 8; place += 1) {
      text += ALPHABET[(group >> (18 - place * 6)) & 63];
    }
  }
  return text;
}
