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
      if (event.name === "place") {
        hear.news(JSON.parse(event.data) as T);
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

interface Told {
  id: string;
  name: string;
  data: string;
}

/** Put pieces of bytes together to events. A piece may end anywhere, also within a character. */
export function reader(tell: (event: Told) => void): (piece: Uint8Array) => void {
  let waiting = "";
  return (piece) => {
    piece.forEach((byte) => {
      waiting += String.fromCharCode(byte);
    });
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = eventOf(block);
      if (event.data) {
        tell(event);
      }
    }
  };
}

function eventOf(block: string): Told {
  const event: Told = { id: "", name: "message", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    const value = decoded(line.slice(at + 1).replace(/^ /, ""));
    switch (line.slice(0, at)) {
      case "id":
        event.id = value;
        break;
      case "event":
        event.name = value;
        break;
      case "data":
        event.data += value;
        break;
    }
  }
  return event;
}

/** Read bytes, each as a character, as UTF-8. WeChat has no TextDecoder. */
function decoded(bytes: string): string {
  return decodeURIComponent(
    bytes.replace(/[^]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`),
  );
}
