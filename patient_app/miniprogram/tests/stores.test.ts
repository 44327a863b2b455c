import { beforeEach, describe, expect, it, vi } from "vitest";
import { nextTick } from "vue";

import type { AppMessage, AppVisitBrief } from "@/api/types";

import { type App, Hospital, ROOT, isWechat, openApp, phone, refusal, settled, signedIn } from "./device/app";

let app: App;

beforeEach(async () => {
  app = await openApp();
});

const people = [
  { patient_id: "a", name: "A", relationship: "self", is_default: false },
  { patient_id: "b", name: "B", relationship: "child", is_default: true },
];
const withPeople = ({ path }: { path: string }) =>
  path === `${ROOT}/members` ? { status: 200, body: { items: people } } : { status: 404, body: {} };

describe("the session", () => {
  it("is out on a first visit, and nobody is asked", async () => {
    await settled(app.session.restoreSession());
    expect(app.session.session.status).toBe("out");
    expect(phone.sent).toEqual([]);
  });

  it("is picked up from last time, once for all screens that wait", async () => {
    const hospital = new Hospital(withPeople);
    await signedIn(app);
    app = await openApp();
    await settled(Promise.all([1, 2, 3].map(() => app.session.restoreSession())));
    expect(app.session.session.status).toBe("in");
    // In a browser the proof is a cookie, and a new access token is wanted; WeChat's storage has it.
    expect(hospital.refreshes).toBe(isWechat ? 0 : 1);
  });

  it("is out where the hospital ended it meanwhile", async () => {
    const hospital = new Hospital(withPeople);
    await signedIn(app);
    hospital.expire();
    hospital.sessionId = null;
    app = await openApp();
    await settled(app.session.restoreSession());
    await settled(app.members.loadMembers()).catch(() => undefined);
    expect(app.session.session.status).toBe("out");
    app = await openApp();
    await settled(app.session.restoreSession());
    expect(hospital.refreshes).toBe(1);
  });

  it("keeps no token where scripts of a browser could read it", async () => {
    new Hospital(withPeople);
    await signedIn(app);
    const everything = JSON.stringify([[...phone.stored], Object.entries(sessionStorage)]);
    expect(everything.includes("access-")).toBe(isWechat);
    expect(everything.includes("refresh-")).toBe(isWechat);
  });
});

describe("the members", () => {
  it("have one chosen: the default, until another is chosen, also after opening again", async () => {
    new Hospital(withPeople);
    await signedIn(app);
    expect(app.members.member.value).toBeNull();
    await settled(app.members.loadMembers());
    expect(app.members.member.value?.name).toBe("B");
    app.members.chooseMember("a");
    expect(app.members.member.value?.name).toBe("A");
    app = await openApp();
    await settled(app.session.restoreSession());
    await settled(app.members.loadMembers());
    expect(app.members.member.value?.name).toBe("A");
    app.members.chooseMember("gone");
    expect(app.members.member.value?.name).toBe("B");
  });

  it("are forgotten with the session", async () => {
    new Hospital((sent) => (sent.method === "DELETE" ? { status: 204 } : withPeople(sent)));
    await signedIn(app);
    await settled(app.members.loadMembers());
    app.members.chooseMember("a");
    await settled(app.session.signOut());
    expect([app.members.members.value, app.members.member.value]).toEqual([[], null]);
    expect(phone.stored.has("member")).toBe(false);
  });
});

describe("what belongs to a member", () => {
  const problemOf = (promise: Promise<unknown>): Promise<unknown> => settled(promise).catch((error: unknown) => error);

  it("is looked for with the one chosen first, then with the others", async () => {
    const { forWhomever } = await import("@/use/member");
    const asked: string[] = [];
    new Hospital(({ path }) => {
      const found = /members\/(\w)\/visit/.exec(path);
      if (!found) {
        return withPeople({ path });
      }
      asked.push(found[1] ?? "");
      return found[1] === "a" ? { status: 200, body: { id: "v" } } : refusal(404, "visits.not_found", "None.");
    });
    const reading = await settled(forWhomever((of) => app.client.read(`/members/${of}/visit`)));
    expect([reading.data.of, asked]).toEqual(["a", ["b", "a"]]);
  });

  it("says what went wrong, and goes no further than is of use", async () => {
    const { forWhomever } = await import("@/use/member");
    const answered = (status: number) =>
      new Hospital(({ path }) =>
        path.endsWith("/visit") ? refusal(status, "some.code", "A sentence.") : withPeople({ path }),
      );
    const visit = (of: string) => app.client.read(`/members/${of}/visit`);
    answered(403);
    expect(await problemOf(forWhomever(visit))).toMatchObject({ status: 403 });
    expect(phone.sent.filter((one) => one.path.endsWith("/visit"))).toHaveLength(1);
    answered(404);
    expect(await problemOf(forWhomever(visit))).toMatchObject({ status: 404, sentence: "A sentence." });
    app = await openApp();
    new Hospital(() => ({ status: 200, body: { items: [] } }));
    const again = await import("@/use/member");
    const nobody = vi.fn();
    expect(await problemOf(again.forWhomever(nobody))).toMatchObject({ kind: "refused", status: 404 });
    expect((await settled(again.forMember(nobody))).data).toEqual({ of: null, answer: null });
    expect(nobody).not.toHaveBeenCalled();
  });

  it("is an order of whichever member, and none where there are no members", async () => {
    const { readOwnedOrder } = await import("@/money/whose");
    new Hospital(({ path }) =>
      path.includes("/a/orders/o") ? { status: 200, body: { order_id: "o" } } : withPeople({ path }),
    );
    expect((await settled(readOwnedOrder("o"))).data.patientId).toBe("a");
    const before = phone.sent.length;
    await settled(readOwnedOrder("o"));
    expect(phone.sent.length - before).toBe(1);
    app = await openApp();
    new Hospital(() => ({ status: 200, body: { items: [] } }));
    const again = await import("@/money/whose");
    expect(await problemOf(again.readOwnedOrder("o"))).toMatchObject({ kind: "refused", status: 404 });
  });

  it("is ordered as it was seen, for the member chosen", async () => {
    const { orderAndPay, readOwed } = await import("@/money/owed");
    const items = [{ bill_no: "1", hash: "h" }];
    new Hospital(({ path, method }) => {
      if (method === "POST") {
        return { status: 201, body: { order_id: "o-1" } };
      }
      return path.endsWith("/bills") ? { status: 200, body: { items } } : withPeople({ path });
    });
    const bills = (await settled(readOwed())).data.items;
    await settled(orderAndPay(bills, "key"));
    await settled(orderAndPay([], "key-2"));
    const orders = phone.sent.filter((one) => one.method === "POST");
    expect(orders.map((one) => one.body)).toEqual([{ bills: [{ bill_no: "1", hash: "h" }] }]);
    expect(orders[0]?.path).toContain("/members/b/");
    expect(phone.opened).toEqual(["instead: /money/pay/pay?order=o-1"]);
  });
});

describe("the mark of unread messages", () => {
  it("is asked for seldom, goes with the session, and is never the person's before", async () => {
    let count = 3;
    new Hospital((sent) => (sent.method === "DELETE" ? { status: 204 } : { status: 200, body: { unread: count } }));
    app.unread.watchUnread();
    await signedIn(app);
    await settled(nextTick(), 1_000);
    expect(phone.badge).toBe("3");
    count = 120;
    await settled(app.unread.refreshUnread(), 1_000);
    expect(phone.badge).toBe("3");
    await vi.advanceTimersByTimeAsync(15_000);
    await settled(app.unread.refreshUnread(), 1_000);
    expect(phone.badge).toBe("99+");
    const serve = phone.serve;
    phone.serve = (sent) => {
      const reply = serve(sent);
      return typeof reply === "object" && sent.method === "GET" ? { ...reply, after: 3_000 } : reply;
    };
    const late = app.unread.refreshUnread(true);
    await settled(app.session.signOut(), 1_000);
    await settled(late, 10_000);
    expect(phone.badge).toBeNull();
  });
});

describe("settings", () => {
  it("follow the device at first, and what is chosen from then on", async () => {
    const { restoreSettings, choose, settings } = await import("@/stores/settings");
    vi.stubGlobal("navigator", { language: "en-US" });
    (uni as unknown as Record<string, unknown>).getAppBaseInfo = () => ({ language: "en", theme: "dark" });
    restoreSettings();
    expect([settings.language, app.locale.currentLanguage()]).toEqual(["en", "en"]);
    choose({ language: "zh", isElder: true, colours: "dark" });
    app = await openApp();
    const again = await import("@/stores/settings");
    again.restoreSettings();
    expect(again.settings).toEqual({ language: "zh", isElder: true, colours: "dark" });
    expect([again.isDark.value, again.scale.value]).toEqual([true, 1.3]);
  });
});

describe("doors", () => {
  const until = "2026-11-26T08:00:00Z";
  const message = (kind: string, subject: string): AppMessage =>
    ({ kind, subject: { kind: subject, id: "7" }, patient_id: "b", until }) as unknown as AppMessage;

  it("of messages lead to screens that are there, for the member whom they are about", async () => {
    const { answerBy, doorOf, openSubject } = await import("@/use/subjects");
    expect(doorOf(message("booked", "appointment"))?.path).toBe("/visits/appointment/appointment");
    expect(doorOf(message("stop.offered", "appointment"))?.path).toBe("/visits/stop/stop");
    expect(doorOf(message("feedback.answered", "feedback"))).toBeNull();
    const door = doorOf(message("called", "queue_entry"));
    expect(door).toEqual({ path: "/visits/queue/queue", values: { id: "7" } });
    if (door) {
      openSubject(message("called", "queue_entry"), door);
    }
    expect(phone.opened).toEqual(["/visits/queue/queue?id=7&member=b"]);
    expect(phone.stored.get("member")).toBe('"b"');
    expect(answerBy(message("stop.offered", "appointment"))).toBe(until);
    expect(answerBy(message("booked", "appointment"))).toBeNull();
  });

  it("of visits lead to the order there is, or make one", async () => {
    const { stepDoor, todoDoor } = await import("@/use/doors");
    new Hospital(() => ({ status: 201, body: { order_id: "new" } }));
    const visit = { id: "v", order_id: "old", queue_entry_id: "q" } as unknown as AppVisitBrief;
    await settled(Promise.resolve(stepDoor("pay")?.(visit, "a", "key")));
    expect(phone.sent).toEqual([]);
    await settled(Promise.resolve(stepDoor("pay")?.({ ...visit, order_id: null }, "a", "key")));
    expect(phone.sent.map((one) => one.headers["Idempotency-Key"])).toEqual(["key"]);
    void stepDoor("see_queue")?.(visit, "a", "key");
    expect(phone.opened).toEqual([
      "/money/pay/pay?order=old",
      "/money/pay/pay?order=new",
      "/visits/queue/queue?id=q",
    ]);
    // A screen that is not built has no door.
    expect([stepDoor("check_in"), stepDoor(null), todoDoor("waitlist_offer")]).toEqual([null, null, null]);
  });

  it("open once, however often somebody taps while the screen is on its way", async () => {
    const { open } = await import("@/navigation");
    phone.opening = 2_000;
    open("/visits/stop/stop", { id: "1" });
    open("/visits/stop/stop", { id: "1" });
    await vi.advanceTimersByTimeAsync(1_900);
    open("/visits/stop/stop", { id: "1" });
    expect(phone.opened).toEqual(["/visits/stop/stop?id=1"]);
    // Another wish counts, and so does the same one later.
    open("/visits/stop/stop", { id: "2" });
    await vi.advanceTimersByTimeAsync(2_000);
    open("/visits/stop/stop", { id: "1" });
    expect(phone.opened).toEqual([1, 2, 1].map((id) => `/visits/stop/stop?id=${id}`));
    // A screen that never comes does not stand in the way for good.
    phone.opening = 1_000_000;
    open("/visits/stop/stop", { id: "3" });
    await vi.advanceTimersByTimeAsync(10_000);
    open("/visits/stop/stop", { id: "3" });
    expect(phone.opened).toHaveLength(5);
  });

  it("take another's place when there are ten already, and carry any text", async () => {
    const { open, received } = await import("@/navigation");
    open("/visits/stop/stop", { id: "a&b", q: "高 血压?" });
    vi.stubGlobal("getCurrentPages", () => Array(10).fill({}));
    open("/visits/stop/stop", { id: "1" });
    expect(phone.opened).toEqual([
      "/visits/stop/stop?id=a%26b&q=%E9%AB%98%20%E8%A1%80%E5%8E%8B%3F",
      "instead: /visits/stop/stop?id=1",
    ]);
    expect(received({ id: "a%26b", q: "50%" })).toEqual({ id: "a&b", q: "50%" });
    expect(received(undefined)).toEqual({});
  });
});

describe("ways to pay", () => {
  it("are those that this device can go", async () => {
    const { goOn, waysHere } = await import("@/money/ways");
    vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0" });
    expect(waysHere(["alipay", "wechatpay"])).toEqual(isWechat ? ["wechatpay"] : ["alipay", "wechatpay"]);
    vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0 MicroMessenger/8.0" });
    expect(waysHere(["alipay", "wechatpay"])).toEqual(isWechat ? ["wechatpay"] : []);
    const payment = (more: object) =>
      ({ code_url: null, page_url: null, parameters: null, ...more }) as unknown as Parameters<typeof goOn>[0];
    expect(await goOn(payment({ code_url: "weixin://pay" }))).toBe("weixin://pay");
    expect(await goOn(payment({}))).toBeNull();
  });
});
