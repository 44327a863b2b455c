/** How text and bytes are written where a header, a form or a signature has them. */

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Write a form (application/x-www-form-urlencoded). */
export function formOf(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${formEncoded(name)}=${formEncoded(value)}`)
    .join("&");
}

/** Write text as bytes. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}

/** Write one name or value of a form. */
export function formEncoded(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%20/g, "+");
}

/** Write bytes as a JWS has them (RFC 7515 section 2). */
export function base64Url(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** Read base64, strictly (RFC 4648 section 4); undefined where it is none, or of nothing. */
export function base64Bytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text === "" || !BASE64.test(text)) return undefined;
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}
