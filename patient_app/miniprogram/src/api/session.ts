/** Signing in and out. */
import * as cache from "@/api/cache";
import { change, expectSession, newKey } from "@/api/client";
import { dropTokens, holdTokens, type Tokens } from "@/api/tokens";
import { transport } from "@/platform";

/** The version of the privacy policy that the sign-in screen shows; a new text gets a new version. */
export const PRIVACY_VERSION = "2026-11";

export interface PhoneCode {
  /** Given back with the code: it is good on this device alone. */
  challenge: string;
  phone: string;
  resend_after_seconds: number;
  /** In a sandbox: where the message can be read. */
  sandbox_messages: string | null;
}

/** Have a code sent to a phone. */
export function sendPhoneCode(phone: string): Promise<PhoneCode> {
  return change<PhoneCode>("POST", "/phone-codes", { phone }, newKey());
}

/** Sign in by the code that came to the phone. */
export async function signInByPhone(challenge: string, code: string): Promise<void> {
  await enter("/sessions", { challenge, code });
}

/** Sign in as WeChat knows the person; `phoneCode` is what its button for the phone number gave. */
export async function signInByWechat(wechatCode: string, phoneCode: string | null): Promise<void> {
  await enter("/sessions/wechat", { code: wechatCode, phone_code: phoneCode });
}

/** End this device's session. Without a network it ends here at least, and runs out there. */
export async function signOut(): Promise<void> {
  try {
    await change("DELETE", "/session", undefined, newKey());
  } finally {
    dropTokens();
    cache.wipe();
    expectSession(false);
  }
}

async function enter(path: string, proof: object): Promise<void> {
  const given = await change<Tokens>(
    "POST",
    path,
    { ...proof, transport, privacy_version: PRIVACY_VERSION },
    newKey(),
  );
  cache.wipe();
  holdTokens(given);
  expectSession(true);
}
