import { beforeEach, describe, expect, it, vi } from "vitest";

import { type App, Hospital, ROOT, openApp, phone, settled, signedIn } from "./device/app";

interface Stream {
  headers: Record<string, string>;
  answer: (status: number) => void;
  say: (text: string) => void;
  end: () => void;
  isStopped: () => boolean;
}

const streams: Stream[] = [];

vi.mock("@/platform/waiting", () => ({
  openStream: (
    _address: string,
    headers: Record<string, string>,
    heard: { answered: (status: number) => void; bytes: (piece: Uint8Array) => void; ended: () => void },
  ) => {
    let stopped = false;
    streams.push({
      headers,
      answer: heard.answered,
      say: (text) => heard.bytes(new TextEncoder().encode(text)),
      end: heard.ended,
      isStopped: () => stopped,
    });
    return () => {
      stopped = true;
    };
  },
}));

let app: App;
let events: typeof import("@/api/events");
const heard = { news: vi.fn(), live: vi.fn(), lost: vi.fn() };

beforeEach(async () => {
  streams.length = 0;
  Object.values(heard).forEach((one) => one.mockReset());
  app = await openApp();
  events = await import("@/api/events");
});

const last = (): Stream => {
  const found = streams[streams.length - 1];
  if (!found) {
    throw new Error("no stream was opened");
  }
  return found;
};

describe("events as they come", () => {
  const read = (...pieces: (string | Uint8Array)[]): unknown[] => {
    const told: unknown[] = [];
    const take = events.reader((event) => told.push(event));
    pieces.forEach((piece) => take(typeof piece === "string" ? new TextEncoder().encode(piece) : piece));
    return told;
  };

  it.each([
    ["line feeds", "id: 1\nevent: place\ndata: {}\n\n"],
    ["carriage returns and line feeds", "id: 1\r\nevent: place\r\ndata: {}\r\n\r\n"],
    ["carriage returns", "id: 1\revent: place\rdata: {}\r\r:"],
  ])("end in %s, wherever the pieces are cut", (_, text) => {
    const wanted = [{ id: "1", name: "place", data: "{}" }];
    expect(read(text)).toEqual(wanted);
    for (let cut = 1; cut < text.length; cut += 1) {
      expect(read(text.slice(0, cut), text.slice(cut))).toEqual(wanted);
    }
    expect(read(...text.split(""))).toEqual(wanted);
  });

  it("may be cut within a character", () => {
    const bytes = new TextEncoder().encode("data: 请到 3 诊室 😀\n\n");
    const pieces = Array.from(bytes, (byte) => new Uint8Array([byte]));
    expect(read(...pieces)).toEqual([{ id: "", name: "message", data: "请到 3 诊室 😀" }]);
  });

  it("have comments between them, fields without a space, and fields that nobody knows", () => {
    expect(read(": still here\n\n", "retry: 10\n\n", "data:x:y\n: more\ndatax\nunknown: 1\n\n")).toEqual([
      { id: "", name: "message", data: "x:y" },
    ]);
  });

  it("have as many lines as they want", () => {
    expect(read("\ufeffdata: one\ndata: two\ndata\n\n")).toEqual([{ id: "", name: "message", data: "one\ntwo\n" }]);
  });

  it("are told when they are whole", () => {
    expect(read("data: one\n")).toEqual([]);
    expect(read("data: one\n\ndata: two\n\ndata: thr")).toHaveLength(2);
  });
});

describe("watching a queue", () => {
  const place = (n: number): string => `id: ${n}\nevent: place\ndata: {"ahead": ${n}}\n\n`;

  it("tells what is new, and nothing of other kinds", () => {
    events.watchEvents("/queue/1/events", heard);
    last().answer(200);
    last().say(`event: other\ndata: {}\n\n${place(3)}`);
    expect(heard.news.mock.calls).toEqual([[{ ahead: 3 }]]);
    expect(heard.live).toHaveBeenLastCalledWith(true);
  });

  it("goes on after a loss from the last that was heard, sooner at first and later later", async () => {
    events.watchEvents("/queue/1/events", heard);
    last().answer(200);
    last().say(place(3));
    const pauses: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const before = streams.length;
      const from = Date.now();
      last().end();
      while (streams.length === before) {
        await vi.advanceTimersByTimeAsync(100);
      }
      pauses.push(Date.now() - from);
    }
    expect(pauses).toEqual([1_000, 3_000, 8_000, 15_000, 15_000, 15_000]);
    expect(heard.lost).toHaveBeenCalledTimes(6);
    expect(last().headers["Last-Event-ID"]).toBe("3");
    last().answer(200);
    last().say(": still here\n\n");
    last().end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(streams).toHaveLength(8);
  });

  it("opens anew what has been silent for too long", async () => {
    events.watchEvents("/queue/1/events", heard);
    last().answer(200);
    last().say(": still here\n\n");
    await vi.advanceTimersByTimeAsync(39_000);
    last().say(": still here\n\n");
    await vi.advanceTimersByTimeAsync(39_000);
    expect(streams).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(streams[0]?.isStopped()).toBe(true);
    expect(streams).toHaveLength(2);
    expect(heard.lost).toHaveBeenCalledTimes(1);
  });

  it("takes nothing from an answer that is no stream", async () => {
    events.watchEvents("/queue/1/events", heard);
    last().answer(502);
    last().say(place(3));
    last().end();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(heard.news).not.toHaveBeenCalled();
    expect(heard.live.mock.calls.flat()).not.toContain(true);
    expect(streams).toHaveLength(2);
  });

  it("bears an event that cannot be read", () => {
    events.watchEvents("/queue/1/events", heard);
    last().answer(200);
    last().say(`event: place\ndata: {"ahead"\n\n${place(2)}`);
    expect(heard.news.mock.calls).toEqual([[{ ahead: 2 }]]);
  });

  it("stops when there is nothing more, and when the screen goes", async () => {
    events.watchEvents("/queue/1/events", heard);
    last().answer(204);
    last().end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(streams).toHaveLength(1);

    const stop = events.watchEvents("/queue/1/events", heard);
    last().answer(200);
    last().say(place(3));
    stop();
    expect(last().isStopped()).toBe(true);
    last().say(place(2));
    last().end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(streams).toHaveLength(2);
    expect(heard.news).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("stops within the pause between two streams", async () => {
    const stop = events.watchEvents("/queue/1/events", heard);
    last().end();
    await vi.advanceTimersByTimeAsync(500);
    stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(streams).toHaveLength(1);
  });

  it("renews the session where it has run out, and ends with it", async () => {
    const hospital = new Hospital(() => ({ status: 200, body: {} }));
    await signedIn(app);
    const before = app.tokens.tokens()?.access_token;
    events.watchEvents("/queue/1/events", heard);
    expect(last().headers.Authorization).toBe(`Bearer ${before}`);
    last().answer(401);
    last().end();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(streams).toHaveLength(2);
    expect(last().headers.Authorization).toBe(`Bearer ${app.tokens.tokens()?.access_token}`);
    expect(app.tokens.tokens()?.access_token).not.toBe(before);
    hospital.sessionId = null;
    last().answer(401);
    last().end();
    await settled(Promise.resolve());
    expect(streams).toHaveLength(2);
    expect(app.session.session.status).toBe("out");
    expect(phone.to(`${ROOT}/sessions/refresh`)).toHaveLength(2);
  });
});
