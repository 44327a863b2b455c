/** How an application proves who it is at the token endpoint: by a secret, or by a key that never leaves it. */

import { base64Bytes, base64Url, formEncoded, utf8 } from "./encoding.js";
import { newId } from "./identifiers.js";

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ASSERTION_SECONDS = 60;
const ALGORITHMS: Readonly<Record<string, { name: string; hash: string }>> = {
  "P-256": { name: "ES256", hash: "SHA-256" },
  "P-384": { name: "ES384", hash: "SHA-384" },
};
const NEEDED =
  "A private key in PKCS#8 PEM (BEGIN PRIVATE KEY) on the curve P-256 or P-384, without a password, is needed.";

/** What a token request needs: fields of its form, and headers. */
export interface Proof {
  readonly form: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Proof of an application, made anew for each token. */
export interface Credentials {
  readonly clientId: string;
  prove(issuer: string): Promise<Proof>;
}

/** An id and a secret, sent by HTTP Basic (RFC 6749 section 2.3.1). For servers: no page or mini-program has one. */
export class ClientSecret implements Credentials {
  private readonly secret!: string;

  constructor(
    readonly clientId: string,
    secret: string,
  ) {
    // Not enumerable, so that it does not appear where the object is logged.
    Object.defineProperty(this, "secret", { value: secret });
  }

  /** Give the secret in the header. */
  prove(): Promise<Proof> {
    const pair = `${formEncoded(this.clientId)}:${formEncoded(this.secret)}`;
    return Promise.resolve({ form: {}, headers: { authorization: `Basic ${btoa(pair)}` } });
  }
}

/** What else may be said of a key. */
export interface PrivateKeyOptions {
  /** The `kid` of the public key as registered; left out, the hospital looks for one that fits. */
  readonly keyId?: string;
  /**
   * Whom the assertion is for; the hospital's address unless given. Applications of the SMART profile give the token
   * endpoint's address.
   */
  readonly audience?: string;
  /** Where WebCrypto is not global: `webcrypto` of `node:crypto` under Node 18. */
  readonly crypto?: Crypto;
}

/** An elliptic-curve key, P-256 or P-384, whose public half the hospital knows (RFC 7523, private_key_jwt). */
export class PrivateKey implements Credentials {
  private readonly algorithm: { name: string; hash: string };

  constructor(
    readonly clientId: string,
    private readonly key: CryptoKey,
    private readonly options: PrivateKeyOptions = {},
  ) {
    const algorithm = ALGORITHMS[(key.algorithm as EcKeyAlgorithm).namedCurve];
    if (algorithm === undefined || key.type !== "private") throw new TypeError(NEEDED);
    this.algorithm = algorithm;
  }

  /** Read a key in PEM. */
  static async fromPem(clientId: string, pem: string, options: PrivateKeyOptions = {}): Promise<PrivateKey> {
    const found = /^\s*-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----\s*$/.exec(pem)?.[1];
    const bytes = base64Bytes((found ?? "").replace(/\s/g, ""));
    if (bytes === undefined) throw new TypeError(NEEDED);
    const { subtle } = cryptoOf(options.crypto);
    for (const namedCurve of Object.keys(ALGORITHMS)) {
      try {
        const key = await subtle.importKey("pkcs8", bytes, { name: "ECDSA", namedCurve }, false, ["sign"]);
        return new PrivateKey(clientId, key, options);
      } catch {
        // It is of the other curve, or of none.
      }
    }
    throw new TypeError(NEEDED);
  }

  /** Sign an assertion that is good once, for a minute. */
  async prove(issuer: string): Promise<Proof> {
    const now = Math.floor(Date.now() / 1000);
    const header = {
      alg: this.algorithm.name,
      ...(this.options.keyId === undefined ? {} : { kid: this.options.keyId }),
    };
    const claims = {
      iss: this.clientId,
      sub: this.clientId,
      aud: this.options.audience ?? issuer,
      jti: newId(),
      iat: now,
      exp: now + ASSERTION_SECONDS,
    };
    const signed = [header, claims].map((part) => base64Url(utf8(JSON.stringify(part)))).join(".");
    // WebCrypto writes the two halves side by side, as a JWS has them (RFC 7518 section 3.4).
    const signature = await cryptoOf(this.options.crypto).subtle.sign(
      { name: "ECDSA", hash: this.algorithm.hash },
      this.key,
      utf8(signed),
    );
    const form = {
      client_id: this.clientId,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: `${signed}.${base64Url(new Uint8Array(signature))}`,
    };
    return { form, headers: {} };
  }
}

/** Find WebCrypto. */
export function cryptoOf(given: Crypto | undefined): Crypto {
  const found = given ?? (typeof crypto === "undefined" ? undefined : crypto);
  if (found?.subtle === undefined) {
    throw new TypeError(
      "No WebCrypto is here: it needs Node 20 or a page under https; under Node 18 give `webcrypto` of node:crypto.",
    );
  }
  return found;
}
