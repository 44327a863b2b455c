/**
 * The last answers of each screen, for its next opening and for times without a network.
 *
 * Only the present session's, in the present language; wiped whenever somebody signs in or out, also where that
 * happened in another tab of the browser, and nobody told this one.
 */
import { shelf } from "@/platform";

export interface Kept {
  body: unknown;
  etag: string | null;
  /** When the hospital gave it, or last said that it still holds; milliseconds since 1970. */
  readAt: number;
}

const PREFIX = "read:";
const OWNER = "reads-are-of";
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

/** Say whose session it is; what was kept of another's goes. Tells whether there was one. */
export function belongTo(sessionId: string): boolean {
  const before = owner();
  if (before === sessionId) {
    return false;
  }
  wipe();
  try {
    shelf.write(OWNER, sessionId);
  } catch {
    // As above.
  }
  return before !== null;
}

/** Whose session the kept answers are of; what comes in for another is not put beside them. */
export function owner(): string | null {
  return shelf.read(OWNER);
}

export function wipe(): void {
  shelf.remove(OWNER);
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
