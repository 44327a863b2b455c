/**
 * The last answers of each screen, for its next opening and for times without a network.
 *
 * Only the present account's, in the present language; wiped whenever somebody signs in or out.
 */
import { shelf } from "@/platform";

export interface Kept {
  body: unknown;
  etag: string | null;
  /** When the hospital gave it, or last said that it still holds; milliseconds since 1970. */
  readAt: number;
}

const PREFIX = "read:";
const ENTRIES_MAX = 40;
const CHARACTERS_MAX = 100_000;

export function find(name: string): Kept | null {
  try {
    const text = shelf.read(PREFIX + name);
    return text ? (JSON.parse(text) as Kept) : null;
  } catch {
    return null;
  }
}

export function put(name: string, entry: Kept): void {
  const text = JSON.stringify(entry);
  if (text.length > CHARACTERS_MAX) {
    return;
  }
  try {
    makeRoom(name);
    shelf.write(PREFIX + name, text);
  } catch {
    // A full device keeps no answers; the app works as well with a network.
  }
}

export function wipe(): void {
  for (const name of names()) {
    shelf.remove(name);
  }
}

function names(): string[] {
  return shelf.names().filter((name) => name.startsWith(PREFIX));
}

/** Let the oldest go. */
function makeRoom(name: string): void {
  const others = names().filter((other) => other !== PREFIX + name);
  if (others.length < ENTRIES_MAX) {
    return;
  }
  const ages = others.map((other) => ({ other, readAt: find(other.slice(PREFIX.length))?.readAt ?? 0 }));
  ages.sort((one, two) => one.readAt - two.readAt);
  for (const { other } of ages.slice(0, others.length - ENTRIES_MAX + 1)) {
    shelf.remove(other);
  }
}
