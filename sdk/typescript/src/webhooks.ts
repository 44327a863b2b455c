/** Whether a webhook message is the hospital's own (Standard Webhooks 1.0); needs nothing but WebCrypto. */

import { cryptoOf } from "./credentials.js";
import { base64Bytes, utf8 } from "./encoding.js";
import { WebhookRefused } from "./errors.js";

const TOLERANCE_SECONDS = 300;
const SECRETS_MAX = 8;
const SIGNATURES_MAX = 16;
const PREFIX = "whsec_";
const VERSION = "v1,";

/** A message's headers: those of `fetch`, or of Node's `http`. */
export type WebhookHeaders =
  { get(name: string): string | null | undefined } | Readonly<Record<string, string | readonly string[] | undefined>>;

/** How to check. */
export interface WebhookOptions {
  readonly toleranceSeconds?: number;
  /** Seconds since 1970 in UTC, for tests. */
  readonly now?: number;
  /** Where WebCrypto is not global: `webcrypto` of `node:crypto` under Node 18. */
  readonly crypto?: Crypto;
}

/**
 * Check a message and give what it says.
 *
 * body: as it came, before anybody has parsed it. secrets: one, or several while one is exchanged for another.
 *
 * A message may come twice: its `webhook-id` stays the same at every delivery, so remember those that you have had.
 *
 * @throws WebhookRefused: it is not signed by any of the secrets, is too old or of the future, or is not JSON.
 * @throws TypeError: a secret of yours is none.
 */
export async function verifyWebhook<T = unknown>(
  body: Uint8Array | string,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  options: WebhookOptions = {},
): Promise<T> {
  const { subtle } = cryptoOf(options.crypto);
  const keys = keysOf(typeof secrets === "string" ? [secrets] : secrets);
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((part) =>
    header(headers, `webhook-${part}`),
  );
  if (!id || !timestamp || !signatures) throw new WebhookRefused("A webhook header is missing.");
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookRefused("The timestamp is not one.");
  const now = options.now ?? Date.now() / 1000;
  if (Math.abs(now - Number(timestamp)) > (options.toleranceSeconds ?? TOLERANCE_SECONDS)) {
    throw new WebhookRefused("The message is too old, or of the future; is your clock right?");
  }
  const content = typeof body === "string" ? utf8(body) : body;
  const signed = joined(utf8(`${id}.${timestamp}.`), content);
  const offered = signatures
    .split(" ")
    .slice(0, SIGNATURES_MAX)
    .filter((one) => one.startsWith(VERSION))
    .map((one) => base64Bytes(one.slice(VERSION.length)))
    .filter((one): one is Uint8Array<ArrayBuffer> => one !== undefined);
  // Every pair is compared, each in constant time: how long it takes says nothing.
  const matches: boolean[] = [];
  for (const bytes of keys) {
    const key = await subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    for (const signature of offered) matches.push(await subtle.verify("HMAC", key, signature, signed));
  }
  if (!matches.includes(true)) throw new WebhookRefused("No signature fits.");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content)) as T;
  } catch {
    throw new WebhookRefused("The message is signed, but is not JSON.");
  }
}

function header(headers: WebhookHeaders, name: string): string | undefined {
  if (typeof headers.get === "function") return headers.get(name) ?? undefined;
  const found = Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1];
  return typeof found === "string" ? found : undefined;
}

function keysOf(secrets: readonly string[]): Uint8Array<ArrayBuffer>[] {
  if (secrets.length < 1 || secrets.length > SECRETS_MAX) {
    throw new TypeError(`From one to ${SECRETS_MAX} secrets are needed.`);
  }
  return secrets.map((secret) => {
    const key = base64Bytes(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
    if (key === undefined) throw new TypeError("A webhook secret is `whsec_` and base64.");
    return key;
  });
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
