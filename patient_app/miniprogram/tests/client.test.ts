import { beforeEach, describe, expect, it, vi } from "vitest";

import { type App, Hospital, ROOT, isWechat, openApp, phone, refusal, settled, signedIn } from "./device/app";
import type { Reply } from "./device/phone";

let app: App;

beforeEach(async () => {
  app = await openApp();
});

const bills = { items: [{ bill_no: "B1" }] };

describe("a session that has run out", () => {
  it("is renewed once for ten reads that come at once", async () => {
    const hospital = new Hospital(({ path }) => ({ status: 200, body: { path } }));
    await signedIn(app);
    hospital.expire();
    const reads = Array.from({ length: 10 }, (_, n) => app.client.read<{ path: string }>(`/bills/${n}`));
    const readings = await settled(Promise.all(reads));
    expect(hospital.refreshes).toBe(1);
    expect(readings.map((one) => one.data.path)).toEqual(reads.map((_, n) => `${ROOT}/bills/${n}`));
  });

  it("is not renewed again for an answer that comes after the renewal", async () => {
    const hospital = new Hospital(({ path }) => ({ status: 200, body: { path } }));
    await signedIn(app);
    hospital.expire();
    const quick = app.client.read("/quick");
    const serve = phone.serve;
    phone.serve = (sent) => {
      const reply = serve(sent);
      return typeof reply === "object" && sent.path.endsWith("/late") ? { ...reply, after: 5_000 } : reply;
    };
    const late = app.client.read<{ path: string }>("/late");
    await settled(quick, 1_000);
    expect((await settled(late)).data.path).toBe(`${ROOT}/late`);
    expect(hospital.refreshes).toBe(1);
  });

  it("ends for everybody, and is told once, when renewing is refused", async () => {
    const hospital = new Hospital(() => ({ status: 200, body: bills }));
    await signedIn(app);
    await settled(app.client.read("/bills"));
    hospital.expire();
    hospital.sessionId = null;
    const told = vi.fn();
    app.client.whenSignedOut(told);
    const reads = Array.from({ length: 10 }, (_, n) => app.client.read(`/bills/${n}`));
    const outcomes = await settled(Promise.allSettled(reads));
    expect(outcomes.map((one) => one.status === "rejected" && one.reason.kind)).toEqual(reads.map(() => "signed-out"));
    expect([hospital.refreshes, told.mock.calls.length]).toEqual([1, 1]);
    expect(app.client.recall("/bills")).toBeNull();
    // Nobody tries to renew what has ended.
    await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind: "signed-out" });
    expect(hospital.refreshes).toBe(1);
  });

  it("is told to the screens by the session's store", async () => {
    const hospital = new Hospital(() => ({ status: 200, body: bills }));
    await signedIn(app);
    expect(app.session.session.status).toBe("in");
    hospital.expire();
    hospital.sessionId = null;
    await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind: "signed-out", status: 401 });
    expect(app.session.session.status).toBe("out");
  });

  it("is renewed though the first answers to renewing are lost", async () => {
    const hospital = new Hospital(() => ({ status: 200, body: bills }));
    await signedIn(app);
    hospital.expire();
    hospital.refreshFirst = ["offline", { status: 502, body: "<html>Bad Gateway</html>" }];
    expect((await settled(app.client.read("/bills"))).data).toEqual(bills);
    expect(hospital.refreshes).toBe(3);
    const sentTokens = phone.to(`${ROOT}/sessions/refresh`).map((one) => one.body);
    const wanted = isWechat ? { transport: "body", refresh_token: "refresh-1" } : { transport: "cookie" };
    expect(sentTokens).toEqual([wanted, wanted, wanted]);
  });

  it("stays when renewing fails on the hospital's side, or is answered by somebody else", async () => {
    const hospital = new Hospital(() => ({ status: 200, body: bills }));
    await signedIn(app);
    const replies: [Reply, string][] = [
      [{ status: 500, body: "Internal Server Error" }, "broken"],
      [refusal(429, "request.too_many", "Slowly."), "refused"],
      [{ status: 200, body: "<html>Welcome to our hotel</html>" }, "broken"],
    ];
    for (const [reply, kind] of replies) {
      hospital.expire();
      hospital.refreshFirst = [reply];
      await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind });
      expect(app.session.session.status).toBe("in");
    }
    expect((await settled(app.client.read("/bills"))).data).toEqual(bills);
  });

  it("sends a change again under the same key", async () => {
    const hospital = new Hospital(() => ({ status: 201, body: { id: "hold" } }));
    await signedIn(app);
    hospital.expire();
    const key = app.client.newKey();
    await settled(app.client.change("POST", "/holds", { slot_id: "s" }, key));
    const sent = phone.to(`${ROOT}/holds`);
    expect(sent.map((one) => one.headers["Idempotency-Key"])).toEqual([key, key]);
    expect(sent.map((one) => one.body)).toEqual([{ slot_id: "s" }, { slot_id: "s" }]);
    expect(sent[0]?.headers.Authorization).not.toBe(sent[1]?.headers.Authorization);
  });

  it("sends nothing again in the name of who signed in meanwhile", async () => {
    const hospital = new Hospital(() => ({ status: 201, body: {} }));
    await signedIn(app);
    hospital.expire();
    hospital.refreshFirst = [{ status: 503, body: "", after: 3_000 }];
    const changed = app.client.change("POST", "/holds", {}, "key");
    changed.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(1_000);
    hospital.sessionId = "session-2";
    await settled(app.session.signInByPhone("challenge", "123456"), 1_000);
    await expect(settled(changed)).rejects.toMatchObject({ kind: "signed-out" });
    expect(phone.to(`${ROOT}/holds`)).toHaveLength(1);
    expect(app.tokens.tokens()?.session_id).toBe("session-2");
  });
});

describe("what was read before", () => {
  const tagged = { status: 200, body: bills, headers: { ETag: 'W/"1"' } };

  it("is asked for by its tag and costs nothing when it still holds", async () => {
    new Hospital(({ headers }) => (headers["If-None-Match"] === 'W/"1"' ? { status: 304 } : tagged));
    const first = await settled(app.client.read("/bills"));
    const again = await settled(app.client.read("/bills"));
    expect(phone.to(`${ROOT}/bills`).map((one) => one.headers["If-None-Match"])).toEqual([undefined, 'W/"1"']);
    expect(again).toMatchObject({ data: bills, isKept: false });
    expect(again.readAt).toBeGreaterThan(first.readAt);
  });

  it("stands in without a network, with the time when it held", async () => {
    new Hospital(() => tagged);
    const { readAt } = await settled(app.client.read("/bills"), 1_000);
    phone.serve = () => "offline";
    expect(await settled(app.client.read("/bills"))).toEqual({ data: bills, readAt, isKept: true });
    phone.serve = () => "timeout";
    expect(await settled(app.client.read("/bills"))).toEqual({ data: bills, readAt, isKept: true });
    await expect(settled(app.client.read("/never-read"))).rejects.toMatchObject({ kind: "slow" });
  });

  it("does not stand in for a refusal or a fault of the hospital", async () => {
    new Hospital(() => tagged);
    await settled(app.client.read("/bills"));
    new Hospital(() => refusal(404, "bills.not_found", "No such bill."));
    await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ sentence: "No such bill.", status: 404 });
    new Hospital(() => ({ status: 500 }));
    await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind: "broken" });
  });

  it("is of one address, one person and one language", async () => {
    new Hospital(() => tagged);
    await settled(app.client.read("/members/a/bills", { page: 1 }));
    expect(app.client.recall("/members/a/bills", { page: 1 })?.data).toEqual(bills);
    expect(app.client.recall("/members/b/bills", { page: 1 })).toBeNull();
    expect(app.client.recall("/members/a/bills", { page: 2 })).toBeNull();
    app.locale.setLanguage("en");
    expect(app.client.recall("/members/a/bills", { page: 1 })).toBeNull();
    await settled(app.client.read("/members/a/bills", { page: 1 }));
    expect(phone.last?.headers["Accept-Language"]).toBe("en");
    expect(phone.last?.headers["If-None-Match"]).toBeUndefined();
  });

  it("is gone when somebody signs out, also without a network", async () => {
    new Hospital(() => tagged);
    await signedIn(app);
    await settled(app.client.read("/bills"));
    phone.serve = () => "offline";
    await expect(settled(app.session.signOut())).rejects.toMatchObject({ kind: "offline" });
    expect(app.client.recall("/bills")).toBeNull();
    expect(app.tokens.tokens()).toBeNull();
    expect([...phone.stored.keys()].filter((name) => name !== "sign-out-owed")).toEqual([]);
    await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind: "offline" });
  });

  it("is not kept for the next when its answer comes after signing out", async () => {
    const slow = { ...tagged, after: 5_000 };
    const hospital = new Hospital(({ method }) => (method === "DELETE" ? { status: 204 } : slow));
    await signedIn(app);
    const late = app.client.read("/bills");
    const lateMembers = app.members.loadMembers();
    await settled(app.session.signOut(), 1_000);
    await settled(Promise.allSettled([late, lateMembers]));
    expect(app.client.recall("/bills")).toBeNull();
    expect(app.members.members.value).toEqual([]);
    hospital.sessionId = "session-2";
    await settled(app.session.signInByPhone("challenge", "123456"));
    phone.serve = () => "offline";
    await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind: "offline" });
  });

  it("is gone when another's session turns up: they signed in by another tab", async () => {
    const hospital = new Hospital(({ path }) =>
      path.endsWith("/members") ? { status: 200, body: { items: [{ patient_id: "a", name: "A" }] } } : tagged,
    );
    await signedIn(app);
    await settled(app.client.read("/bills"));
    await settled(app.members.loadMembers());
    hospital.expire();
    hospital.sessionId = "session-2";
    const turn = app.session.session.turn;
    await settled(app.client.read("/other")).catch(() => undefined);
    expect(app.client.recall("/bills")).toBeNull();
    expect(app.members.members.value).toEqual([]);
    expect(app.session.session).toMatchObject({ status: "in", turn: turn + 1 });
  });

  it("is gone when the tab opens again after another signed in", async () => {
    new Hospital(() => tagged);
    await signedIn(app);
    await settled(app.client.read("/bills"));
    phone.stored.set("was-signed-in", JSON.stringify("session-2"));
    phone.serve = () => "offline";
    app = await openApp();
    await settled(app.session.restoreSession());
    expect(app.session.session.status).toBe("in");
    expect(app.client.recall("/bills")).toBeNull();
  });

  it("is there when the app opens again without a network", async () => {
    new Hospital(() => tagged);
    await signedIn(app);
    await settled(app.client.read("/bills"));
    phone.serve = () => "offline";
    app = await openApp();
    await settled(app.session.restoreSession());
    expect(app.session.session.status).toBe("in");
    expect(await settled(app.client.read("/bills"))).toMatchObject({ data: bills, isKept: true });
  });

  it("is let go of when there is too much, the oldest first, and too large is not kept", async () => {
    new Hospital(() => tagged);
    for (let n = 0; n < 45; n += 1) {
      await settled(app.client.read(`/bills/${n}`), 1_000);
    }
    const kept = Array.from({ length: 45 }, (_, n) => app.client.recall(`/bills/${n}`) !== null);
    expect(kept).toEqual(kept.map((_, n) => n >= 5));
    new Hospital(() => ({ status: 200, body: JSON.stringify("x".repeat(100_001)) }));
    await settled(app.client.read("/large"));
    expect(app.client.recall("/large")).toBeNull();
  });

  it("is not missed where the device keeps nothing", async () => {
    new Hospital(() => tagged);
    const full = (): never => {
      throw new Error("QuotaExceededError");
    };
    (uni as unknown as Record<string, unknown>).setStorageSync = full;
    Object.defineProperty(sessionStorage, "setItem", { value: full });
    expect((await settled(app.client.read("/bills"))).data).toEqual(bills);
  });

  it("is read past what an older version or a fault left behind", async () => {
    new Hospital(() => tagged);
    await settled(app.client.read("/bills"));
    const name = `read:zh:${ROOT}/bills`;
    phone.stored.set(name, "{");
    sessionStorage.setItem(name, "{");
    expect(await settled(app.client.read("/bills"))).toMatchObject({ data: bills, isKept: false });
  });
});

describe("reads of the same thing", () => {
  it("share one answer while it is on its way, and ask anew afterwards", async () => {
    new Hospital(() => ({ status: 200, body: bills }));
    const readings = await settled(Promise.all([app.client.read("/bills"), app.client.read("/bills")]));
    expect([phone.sent.length, readings.map((one) => one.data)]).toEqual([1, [bills, bills]]);
    await settled(app.client.read("/bills"));
    expect(phone.sent).toHaveLength(2);
  });

  it("do not share one from before a change, of another language, or of another person", async () => {
    let n = 0;
    new Hospital(({ method }) => ({ status: 200, body: { n: (n += 1) }, after: method === "GET" ? 5_000 : 20 }));
    const before = app.client.read<{ n: number }>("/bills");
    await settled(app.client.change("POST", "/orders", {}, "key"), 1_000);
    const after = app.client.read<{ n: number }>("/bills");
    app.locale.setLanguage("en");
    const english = app.client.read<{ n: number }>("/bills");
    await signedIn(app);
    const another = app.client.read<{ n: number }>("/bills");
    const readings = await settled(Promise.all([before, after, english, another]));
    expect(readings.map((one) => one.data.n)).toEqual([1, 3, 4, 5]);
  });

  it("share a failure, and can be tried again", async () => {
    phone.serve = () => refusal(404, "bills.not_found", "None.");
    const reads = [app.client.read("/bills"), app.client.read("/bills")];
    const outcomes = await settled(Promise.allSettled(reads));
    expect(outcomes.map((one) => one.status)).toEqual(["rejected", "rejected"]);
    phone.serve = () => ({ status: 200, body: bills });
    expect((await settled(app.client.read("/bills"))).data).toEqual(bills);
  });
});

describe("the way to the hospital", () => {
  it("is tried three times for a read, with pauses that grow", async () => {
    const at: number[] = [];
    phone.serve = () => {
      at.push(Date.now());
      return "offline";
    };
    await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind: "offline" });
    const pauses = at.slice(1).map((moment, index) => moment - (at[index] ?? 0) - phone.way);
    expect(pauses).toEqual([400, 1_600]);
  });

  it("is tried again past a proxy's page, and given up with a sentence", async () => {
    phone.serve = () =>
      phone.sent.length < 3 ? { status: 502, body: "<html>Bad Gateway</html>" } : { status: 200, body: bills };
    expect((await settled(app.client.read("/bills"))).data).toEqual(bills);
    phone.serve = () => ({ status: 502, body: "<html>Bad Gateway</html>" });
    const problem = await settled(app.client.read("/others")).catch((error: unknown) => error);
    expect(problem).toMatchObject({ kind: "broken", status: 502, sentence: app.locale.t("common.problem.broken") });
    expect(phone.to(`${ROOT}/others`)).toHaveLength(3);
  });

  it("is not tried again for what a second try does not mend", async () => {
    for (const [status, kind] of [[404, "refused"], [422, "refused"], [429, "refused"], [500, "broken"]] as const) {
      phone.sent = [];
      phone.serve = () => refusal(status, "some.code", "A sentence.");
      await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind, sentence: "A sentence." });
      expect(phone.sent).toHaveLength(1);
    }
  });

  it("is given fifteen seconds, once", async () => {
    phone.serve = () => "timeout";
    const began = Date.now();
    let took = 0;
    const read = app.client.read("/bills").catch((error: { kind: string }) => {
      took = Date.now() - began;
      return error.kind;
    });
    expect(await settled(read)).toBe("slow");
    expect([took, phone.sent.length]).toEqual([15_000, 1]);
  });

  it("is never tried again by itself for a change", async () => {
    for (const reply of ["offline", "timeout", { status: 503, body: "" }] as const) {
      phone.sent = [];
      phone.serve = () => reply;
      await expect(settled(app.client.change("POST", "/holds", {}, "key"))).rejects.toBeInstanceOf(app.client.Problem);
      expect(phone.sent).toHaveLength(1);
    }
  });

  it("does not pass off a hotel's page as the hospital's answer", async () => {
    phone.serve = () => ({ status: 200, body: "<html>Please accept our terms</html>" });
    await expect(settled(app.client.read("/bills"))).rejects.toMatchObject({ kind: "broken" });
    await expect(settled(app.client.change("POST", "/holds", {}, "key"))).rejects.toMatchObject({ kind: "broken" });
    expect(app.client.recall("/bills")).toBeNull();
  });

  it("brings answers without a body", async () => {
    phone.serve = () => ({ status: 204 });
    expect(await settled(app.client.change("DELETE", "/session", undefined, "key"))).toBeNull();
    expect(phone.sent[0]?.headers["Content-Type"]).toBeUndefined();
  });

  it("brings refusals with what programs decide by", async () => {
    phone.serve = () => refusal(409, "booking.sold_out", "It is gone.", { other_slots: 3 });
    const problem = await settled(app.client.change("POST", "/holds", {}, "key")).catch((error: unknown) => error);
    expect(problem).toMatchObject({ kind: "refused", code: "booking.sold_out", sentence: "It is gone." });
    expect((problem as { details: object }).details).toMatchObject({ other_slots: 3 });
  });

  it("carries what is asked for safely, and leaves out what is not said", () => {
    expect(app.client.inAddress({ q: "a b&c=高", empty: null, none: undefined, no: false, zero: 0 })).toBe(
      "?q=a%20b%26c%3D%E9%AB%98&no=false&zero=0",
    );
    expect(app.client.inAddress({})).toBe("");
  });

  it("has a key of its own for each thing that is wanted", () => {
    const keys = Array.from({ length: 1_000 }, () => app.client.newKey());
    expect(new Set(keys).size).toBe(1_000);
    expect(keys.every((key) => /^[0-9a-f-]{20,64}$/.test(key))).toBe(true);
  });
});
