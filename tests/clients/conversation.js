// How a client that runs here talks with the test that runs it: one line of JSON each way.
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function hear() {
  return JSON.parse((await lines.next()).value);
}

// Leads the person's browser to an address, and gives the address at which it comes back to the application.
export async function browse(address) {
  console.log(JSON.stringify({ open: String(address) }));
  return (await hear()).location;
}

export function tell(result) {
  console.log(JSON.stringify({ result }));
  process.exit(0);
}

// The error that a promise ends with; that it ends with none is an error itself.
export async function refusal(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error.error ?? error.code ?? error.cause?.error ?? error.message;
  }
  throw new Error(`not refused: ${JSON.stringify(value)}`);
}

export function importKey(jwk) {
  return crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: jwk.crv }, false, ['sign']);
}
