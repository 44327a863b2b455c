/**
 * Give 128 bits in hexadecimal, for request ids and idempotency keys.
 *
 * They have to be unique for one application, not secret. A mini-program can only draw secret numbers asynchronously;
 * there the instant stands beside what chance gives.
 */
export function newId(): string {
  if (typeof crypto !== "undefined" && typeof crypto.getRandomValues === "function") {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => hexadecimal(byte, 2)).join("");
  }
  const chance = [0, 1, 2].map(() => hexadecimal(Math.floor(Math.random() * 2 ** 28), 7)).join("");
  return hexadecimal(Date.now(), 11) + chance;
}

function hexadecimal(value: number, length: number): string {
  return value.toString(16).padStart(length, "0");
}
