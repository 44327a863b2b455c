/** Server-sent events (HTML Living Standard, section 9.2), read piece by piece; without any input or output. */

import { UnexpectedAnswer } from "./errors.js";

const LINE_BYTES_MAX = 1 << 20;
const HEARTBEAT = "still-here";
/** The hospital is heard of every fifteen seconds; three missed beats are a dead connection. */
export const SILENCE_SECONDS_MAX = 45;
const RETRY_SECONDS_DEFAULT = 2;
const RETRY_SECONDS_MAX = 30;
const LF = 10;
const CR = 13;

/** Puts the pieces of a stream together to events, and remembers where to go on after a break. */
export class EventReader {
  retrySeconds = RETRY_SECONDS_DEFAULT;
  private lastEventId: string | undefined;
  private line: number[] = [];
  private isAfterReturn = false;
  private id: string | undefined;
  private name = "";
  private data: string[] = [];
  private bytes = 0;

  /** Forget a half event of a broken connection, and give the headers for the next one. */
  begin(): Record<string, string> {
    this.line = [];
    this.isAfterReturn = false;
    this.beginEvent();
    const last = this.lastEventId;
    return { accept: "text/event-stream", ...(last === undefined ? {} : { "last-event-id": last }) };
  }

  /**
   * Take a piece, and give what the events that end in it say.
   *
   * @throws UnexpectedAnswer: an event is too long, or is not JSON.
   */
  *take(piece: Uint8Array): Generator<unknown, void, undefined> {
    for (const byte of piece) {
      if (byte === LF && this.isAfterReturn) {
        this.isAfterReturn = false;
        continue;
      }
      this.isAfterReturn = byte === CR;
      if (byte !== LF && byte !== CR) {
        this.bytes += 1;
        if (this.bytes > LINE_BYTES_MAX) throw broken("An event is too long");
        this.line.push(byte);
        continue;
      }
      const line = decoded(this.line);
      this.line = [];
      if (line !== "") this.takeField(line);
      else yield* this.endEvent();
    }
  }

  private beginEvent(): void {
    this.id = undefined;
    this.name = "";
    this.data = [];
    this.bytes = 0;
  }

  private takeField(line: string): void {
    const [name = "", ...rest] = line.split(":");
    const value = rest.join(":").replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "event") this.name = value;
    else if (name === "id" && !value.includes("\0")) this.id = value;
    else if (name === "retry" && /^\d+$/.test(value)) {
      this.retrySeconds = Math.min(RETRY_SECONDS_MAX, Number(value) / 1000);
    }
  }

  private *endEvent(): Generator<unknown, void, undefined> {
    const { id, name, data } = this;
    this.beginEvent();
    if (id !== undefined) this.lastEventId = id;
    if (data.length === 0 || name === HEARTBEAT) return;
    let told: unknown;
    try {
      told = JSON.parse(data.join("\n"));
    } catch {
      throw broken("An event is not JSON");
    }
    yield told;
  }
}

/** Read bytes as UTF-8; a mini-program has no TextDecoder. */
export function decoded(bytes: ArrayLike<number>): string {
  try {
    return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
  } catch {
    throw broken("What was sent is not UTF-8");
  }
}

function broken(reason: string): UnexpectedAnswer {
  return new UnexpectedAnswer(reason, { status: 200, requestId: undefined });
}
