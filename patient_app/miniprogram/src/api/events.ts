/**
 * Reading server-sent events (HTML Living Standard, section 9.2) as they come, through every loss of the network.
 *
 * The hospital says every quarter of a minute that it is still there; who has heard nothing for longer opens the stream
 * anew. Between two streams the screen reads its state the usual way, so where streams do not work at all it is read
 * every few seconds.
 */
import { headersNow, renewSession } from "@/api/client";
import { openStream } from "@/platform/waiting";

export interface Hear<T> {
  /** Something is new. */
  news: (data: T) => void;
  /** Whether news would come at once: false from the loss of a stream until the next one speaks. */
  live: (isLive: boolean) => void;
  /** A stream was lost: read what may have been missed. */
  lost: () => void;
}

const ROOT = "/app/v1";
const SILENCE_MILLISECONDS_MAX = 40_000;
const PAUSES_MILLISECONDS = [1_000, 3_000, 8_000, 15_000];
const NO_MORE = 204;
const SIGNED_OUT = 401;

/** Watch until there is nothing more to tell, or what is given back is called. */
export function watchEvents<T>(path: string, hear: Hear<T>): () => void {
  let isStopped = false;
  let failures = 0;
  let lastId = "";
  let stop: () => void = () => undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let pause: ReturnType<typeof setTimeout> | undefined;

  function begin(): void {
    let status = 0;
    const take = reader((event) => {
      lastId = event.id || lastId;
      const data = event.name === "place" ? parsed<T>(event.data) : null;
      if (data !== null) {
        hear.news(data);
      }
    });
    const headers = {
      ...headersNow(),
      Accept: "text/event-stream",
      ...(lastId ? { "Last-Event-ID": lastId } : {}),
    };
    listen();
    stop = openStream(ROOT + path, headers, {
      answered: (told) => {
        status = told;
      },
      bytes: (piece) => {
        if (isStopped || (status !== 0 && status !== 200)) {
          return;
        }
        failures = 0;
        listen();
        hear.live(true);
        take(piece);
      },
      ended: () => void end(status),
    });
  }

  function listen(): void {
    clearTimeout(silence);
    silence = setTimeout(() => {
      stop();
      void end(0);
    }, SILENCE_MILLISECONDS_MAX);
  }

  async function end(status: number): Promise<void> {
    clearTimeout(silence);
    if (isStopped || status === NO_MORE) {
      return;
    }
    hear.live(false);
    if (status === SIGNED_OUT && !(await renewSession().catch(() => true))) {
      return;
    }
    if (isStopped) {
      return;
    }
    hear.lost();
    pause = setTimeout(begin, PAUSES_MILLISECONDS[Math.min(failures, PAUSES_MILLISECONDS.length - 1)]);
    failures += 1;
  }

  begin();
  return () => {
    isStopped = true;
    clearTimeout(silence);
    clearTimeout(pause);
    stop();
  };
}

/** Read what an event says; null where it was mangled on the way, for the next one says it again. */
function parsed<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

interface Told {
  id: string;
  name: string;
  data: string;
}

/** Put pieces of bytes together to events. A piece may end anywhere, also within a character or the end of a line. */
export function reader(tell: (event: Told) => void): (piece: Uint8Array) => void {
  let line = "";
  let isAfterReturn = false;
  let isFirst = true;
  let event = blank();

  function endLine(): void {
    const text = isFirst ? line.replace(BYTE_ORDER_MARK, "") : line;
    isFirst = false;
    line = "";
    if (text !== "") {
      take(event, text);
      return;
    }
    const whole = event;
    event = blank();
    if (whole.data !== "") {
      // The last line has its end, which is not part of what it says.
      tell({ ...whole, data: whole.data.slice(0, -1) });
    }
  }

  return (piece) => {
    piece.forEach((byte) => {
      const isReturn = byte === RETURN;
      if (isReturn || (byte === LINE_FEED && !isAfterReturn)) {
        endLine();
      } else if (byte !== LINE_FEED) {
        line += String.fromCharCode(byte);
      }
      isAfterReturn = isReturn;
    });
  };
}

const LINE_FEED = 10;
const RETURN = 13;
/** As bytes, each a character. */
const BYTE_ORDER_MARK = /^\u00ef\u00bb\u00bf/;

const blank = (): Told => ({ id: "", name: "message", data: "" });

/** Take one line into an event. A line that begins with a colon says that somebody is there, and nothing else. */
function take(event: Told, line: string): void {
  const [, field, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
  switch (field) {
    case "id":
      event.id = decoded(value);
      break;
    case "event":
      event.name = decoded(value);
      break;
    case "data":
      event.data += `${decoded(value)}\n`;
      break;
  }
}

/** Read bytes, each as a character, as UTF-8. WeChat has no TextDecoder. */
function decoded(bytes: string): string {
  const escaped = bytes.replace(/[^]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
  try {
    return decodeURIComponent(escaped);
  } catch {
    return bytes;
  }
}
