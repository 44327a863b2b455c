/** What screens are made of: doing something once, asking again and again, reading what is shown. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { computed } from "vue";

import { type App, Hospital, ROOT, openApp, phone, refusal, settled, signedIn } from "./device/app";
import type { ScreenUnderTest } from "./device/page";

let app: App;
let setUp: typeof ScreenUnderTest.setUp;

beforeEach(async () => {
  app = await openApp();
  setUp = (await import("./device/page")).ScreenUnderTest.setUp;
});

const keysOf = (path: string): (string | undefined)[] =>
  phone.to(`${ROOT}${path}`).map((one) => one.headers["Idempotency-Key"]);

describe("something that is to be done once", () => {
  const booking = (onProblem?: (problem: { code: string }) => boolean) =>
    app.action.useAction((key: string, slot: string) => app.client.change("POST", "/holds", { slot }, key), onProblem);

  it("takes one of many taps, and then the next", async () => {
    phone.serve = () => ({ status: 201, body: {} });
    const action = booking();
    const taps = [action.run("a"), action.run("a"), action.run("a")];
    expect(action.isBusy).toBe(true);
    expect(await settled(Promise.all(taps))).toEqual([true, false, false]);
    expect([phone.sent.length, action.isBusy]).toEqual([1, false]);
    expect(await settled(action.run("a"))).toBe(true);
    expect(new Set(keysOf("/holds")).size).toBe(2);
  });

  it("is asked about first, once and without seeming to be done, and is not done after a no", async () => {
    phone.serve = () => ({ status: 201, body: {} });
    const said: ((isYes: boolean) => void)[] = [];
    const action = app.action.useAction(
      (key: string) => app.client.change("POST", "/holds", {}, key),
      undefined,
      () => new Promise<boolean>((resolve) => said.push(resolve)),
    );
    const refused = [action.run(), action.run()];
    expect([said.length, action.isBusy]).toEqual([1, false]);
    said[0]?.(false);
    expect(await settled(Promise.all(refused))).toEqual([false, false]);
    expect(phone.sent).toEqual([]);
    const agreed = action.run();
    said[1]?.(true);
    await Promise.resolve();
    await Promise.resolve();
    expect(action.isBusy).toBe(true);
    expect(await settled(agreed)).toBe(true);
    expect([phone.sent.length, action.isBusy]).toEqual([1, false]);
  });

  it("carries the same key after a lost answer, and says that there is no network", async () => {
    phone.serve = () => "offline";
    const action = booking();
    expect(await settled(action.run("a"))).toBe(false);
    expect(phone.toasts).toEqual([app.locale.t("common.problem.offline")]);
    expect(action.isBusy).toBe(false);
    phone.serve = () => "timeout";
    expect(await settled(action.run("a"))).toBe(false);
    phone.serve = () => ({ status: 502, body: "<html>" });
    expect(await settled(action.run("a"))).toBe(false);
    phone.serve = () => ({ status: 201, body: {} });
    expect(await settled(action.run("a"))).toBe(true);
    expect(new Set(keysOf("/holds")).size).toBe(1);
    expect(keysOf("/holds")).toHaveLength(4);
  });

  it("is another thing after a refusal", async () => {
    phone.serve = () => refusal(409, "booking.sold_out", "It is gone.");
    const action = booking();
    await settled(action.run("a"));
    await settled(action.run("b"));
    expect(phone.toasts).toEqual(["It is gone.", "It is gone."]);
    expect(new Set(keysOf("/holds")).size).toBe(2);
  });

  it("is another thing where the person changed their mind after a lost answer", async () => {
    const known = new Map<string, string>();
    const action = booking();
    phone.serve = ({ headers, body }) => {
      const key = headers["Idempotency-Key"] ?? "";
      const text = JSON.stringify(body);
      if (known.has(key) && known.get(key) !== text) {
        return refusal(409, "idempotency.mismatch", "Another request had this key.");
      }
      known.set(key, text);
      return known.size === 1 ? "offline" : { status: 201, body: {} };
    };
    expect(await settled(action.run("a"))).toBe(false);
    expect(await settled(action.run("b"))).toBe(true);
    expect([...known.values()]).toEqual(['{"slot":"a"}', '{"slot":"b"}']);
    expect(phone.toasts).toHaveLength(1);
  });

  it("leaves a problem to the screen that knows better", async () => {
    phone.serve = () => refusal(409, "booking.sold_out", "It is gone.");
    const action = booking((problem) => problem.code === "booking.sold_out");
    expect(await settled(action.run("a"))).toBe(false);
    expect(phone.toasts).toEqual([]);
  });

  it("can be done again after a fault of our own, which is not hidden", async () => {
    const action = app.action.useAction(() => Promise.reject(new TypeError("ours")));
    await expect(settled(action.run())).rejects.toThrow("ours");
    expect(action.isBusy).toBe(false);
  });
});

describe("asking again and again", () => {
  const polling = (ask: () => Promise<boolean>) => setUp(() => app.polling.usePolling(ask));

  it("ends when it is settled", async () => {
    let asks = 0;
    const ask = vi.fn(async () => (asks += 1) >= 3);
    const { used } = polling(ask);
    used.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask).toHaveBeenCalledTimes(3);
    expect(used).toMatchObject({ isAsking: false, hasGivenUp: false });
  });

  it("is given up, with pauses that grow, and bears failures", async () => {
    const ask = vi.fn(() => Promise.reject(new Error("offline")));
    const { used } = polling(ask);
    used.start();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ask.mock.calls.length).toBeLessThan(10);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(ask).toHaveBeenCalledTimes(30);
    expect(used).toMatchObject({ isAsking: false, hasGivenUp: true });
  });

  it("rests while nobody looks, and asks at once when somebody does", async () => {
    const ask = vi.fn(async () => false);
    const { screen, used } = polling(ask);
    used.start();
    await vi.advanceTimersByTimeAsync(1_000);
    screen.happens("hide");
    await vi.advanceTimersByTimeAsync(300_000);
    expect(ask).toHaveBeenCalledTimes(1);
    screen.happens("show");
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it("goes on once, however often the screen comes and goes while an answer is awaited", async () => {
    let pending = 0;
    const ask = vi.fn(async () => {
      pending += 1;
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      pending -= 1;
      return false;
    });
    const { screen, used } = polling(ask);
    used.start();
    await vi.advanceTimersByTimeAsync(1_000);
    for (let n = 0; n < 5; n += 1) {
      screen.happens("hide");
      screen.happens("show");
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect(pending).toBeLessThanOrEqual(1);
    const before = ask.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ask.mock.calls.length - before).toBeLessThan(15);
    used.start();
    used.start();
    await vi.advanceTimersByTimeAsync(8_000);
    expect(pending).toBeLessThanOrEqual(1);
  });

  it("stops when the screen goes, and cannot be started by what comes late", async () => {
    const ask = vi.fn(async () => false);
    const { screen, used } = polling(ask);
    used.start();
    await vi.advanceTimersByTimeAsync(1_000);
    screen.happens("unload");
    used.start();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(ask).toHaveBeenCalledTimes(1);
    expect(used.isAsking).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a screen", () => {
  const shown = (load = () => app.client.read<{ n: number }>("/n"), options = {}) =>
    setUp(() => app.screen.useScreen(load, options));

  it("shows what it read, and keeps it while it is read again", async () => {
    let n = 0;
    new Hospital(() => ({ status: 200, body: { n: (n += 1) } }));
    await signedIn(app);
    const { screen, used } = shown();
    expect(used.status).toBe("loading");
    screen.happens("show");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(used).toMatchObject({ status: "ready", data: { n: 1 }, problem: null, keptAt: null });
    screen.happens("show");
    expect(used).toMatchObject({ status: "ready", data: { n: 1 } });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(used.data).toEqual({ n: 2 });
  });

  it("shows what was kept with its time, and is read anew when the network is back", async () => {
    new Hospital(() => ({ status: 200, body: { n: 1 } }));
    await signedIn(app);
    app.network.watchNetwork();
    const { readAt } = await settled(app.client.read("/n"), 1_000);
    const serve = phone.serve;
    phone.serve = () => "offline";
    phone.setNetwork(false);
    const { screen, used } = shown();
    screen.happens("show");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(used).toMatchObject({ status: "ready", data: { n: 1 }, keptAt: readAt });
    phone.serve = serve;
    phone.setNetwork(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(used).toMatchObject({ status: "ready", keptAt: null });
  });

  it("says why there is nothing, and can be tried again", async () => {
    const hospital = new Hospital(() => ({ status: 200, body: { n: 1 } }));
    await signedIn(app);
    const serve = phone.serve;
    phone.serve = () => "offline";
    const { screen, used } = shown();
    screen.happens("show");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(used.status).toBe("failed");
    expect(used.problem?.sentence).toBe(app.locale.t("common.problem.offline"));
    phone.serve = serve;
    await settled(used.reload());
    expect(used).toMatchObject({ status: "ready", problem: null });
    expect(hospital.refreshes).toBe(0);
  });

  it("is no dead end after a fault of our own", async () => {
    await signedIn(app).catch(() => undefined);
    const told = vi.fn();
    const { used } = shown(() => Promise.reject(new TypeError("ours")), { needsSession: false });
    await settled(used.reload().catch(told));
    expect(told).toHaveBeenCalled();
    expect(used.status).toBe("failed");
    expect(used.problem?.kind).toBe("broken");
  });

  it("asks to sign in when the session ends, and shows nothing of before; then shows the next person's", async () => {
    let name = "a";
    const hospital = new Hospital(() => ({ status: 200, body: { name } }));
    await signedIn(app);
    const { screen, used } = setUp(() => app.screen.useScreen(() => app.client.read<{ name: string }>("/me")));
    screen.happens("show");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(used.data).toEqual({ name: "a" });
    hospital.expire();
    hospital.sessionId = null;
    screen.happens("show");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(used).toMatchObject({ status: "signed-out", data: null });
    hospital.sessionId = "session-2";
    name = "b";
    await settled(app.session.signInByPhone("challenge", "123456"), 1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(used).toMatchObject({ status: "ready", data: { name: "b" } });
  });

  it("shows nothing of the person before when another's session turns up", async () => {
    const hospital: Hospital = new Hospital(() =>
      hospital.sessionId === "session-2" ? "offline" : { status: 200, body: { name: "a" } },
    );
    await signedIn(app);
    const { screen, used } = setUp(() => app.screen.useScreen(() => app.client.read<{ name: string }>("/me")));
    screen.happens("show");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(used.data).toEqual({ name: "a" });
    hospital.expire();
    hospital.sessionId = "session-2";
    await settled(app.client.read("/other"), 1_000).catch(() => undefined);
    expect(used).toMatchObject({ status: "loading", data: null });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(used).toMatchObject({ status: "failed", data: null });
  });

  it("shows the answer to what was asked last", async () => {
    const waits = [3_000, 100];
    phone.serve = () => ({ status: 200, body: { n: waits.length }, after: waits.shift() ?? 0 });
    let page = 0;
    const load = () => app.client.read<{ n: number }>("/n", { page: (page += 1) });
    const { used } = shown(load, { needsSession: false });
    void used.reload();
    void used.reload();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(used.data).toEqual({ n: 1 });
  });
});

describe("the hospital's clock", () => {
  const HOURS = 3_600_000;

  it.each([-3, 3])("is gone by on a phone that is %i hours off", async (hours) => {
    const real = Date.parse("2026-11-26T23:00:00+08:00");
    vi.setSystemTime(real + hours * HOURS);
    const { comingDays } = await import("@/booking/days");
    const { dayWords } = await import("@/use/words");
    const first = computed(() => comingDays()[0]?.date);
    expect(first.value).toBe(hours > 0 ? "2026-11-27" : "2026-11-26");
    phone.serve = () => ({ status: 200, body: {}, headers: { Date: new Date(real).toUTCString() } });
    await settled(app.client.read("/n"), 100);
    expect(Math.abs(app.clock.now() - real)).toBeLessThan(2_000);
    expect(first.value).toBe("2026-11-26");
    expect(dayWords("2026-11-26")).toContain(app.locale.t("common.today"));
    expect(dayWords("2026-11-27")).toContain(app.locale.t("common.tomorrow"));
    const holdEnds = real + 15 * 60_000;
    expect(Math.ceil((holdEnds - app.clock.now()) / 60_000)).toBe(15);
    expect(app.client.recall("/n")?.readAt).toBeLessThan(real + 5_000);
  });

  it("is the phone's own where that is right, and does not jump with every answer", async () => {
    phone.serve = () => ({ status: 200, body: {}, headers: { Date: new Date(Date.now() + 900).toUTCString() } });
    await settled(app.client.read("/n"), 100);
    expect(app.clock.now()).toBe(Date.now());
  });

  it("is not learned from slow answers, or from those out of a store, or without a date", async () => {
    const off = new Date(Date.now() - HOURS).toUTCString();
    phone.serve = () => ({ status: 200, body: {}, headers: { Date: off }, after: 4_000 });
    await settled(app.client.read("/n"), 10_000);
    phone.serve = () => ({ status: 200, body: {}, headers: { Date: off, Age: "60" } });
    await settled(app.client.read("/n"), 10_000);
    phone.serve = () => ({ status: 200, body: {}, headers: { Date: "yesterday" } });
    await settled(app.client.read("/n"), 10_000);
    expect(app.clock.now()).toBe(Date.now());
  });

  it("is learned again when the phone's clock is set right", async () => {
    const real = Date.now();
    vi.setSystemTime(real + 3 * HOURS);
    phone.serve = () => ({ status: 200, body: {}, headers: { Date: new Date(real).toUTCString() } });
    await settled(app.client.read("/n"), 100);
    vi.setSystemTime(real);
    await settled(app.client.read("/n"), 100);
    expect(app.clock.now()).toBe(Date.now());
  });
});
