import { beforeEach, describe, expect, it, vi } from "vitest";

import type { AppVisit, AppVisitBrief } from "@/api/types";
import { onTheWall, clockTime, dayName, dayWords, joined, leftWords, momentWords, remaining, yuan } from "@/use/words";
import { comingDays, dayOf, firstDay, inParts, partOfDay } from "@/booking/days";
import { kilometres, nearestFirst } from "@/booking/distance";
import { refusalWords } from "@/booking/refusals";
import { setLanguage, t } from "@/locale";
import { orderedWords, stateTone, stateWord, whenWords } from "@/money/words";
import { bandWord, standing, visitDay } from "@/use/visit";
import { moneyWords } from "@/visits/parts/facts";
import { bandWords, daysWords, lengthWords, waitWords } from "@/visits/words";
import { helpText } from "@/account/texts";
import { ageOf, birthDateIn, dayOf as dayIn, isMinor, numberProblem } from "@/account/use/documents";

const ZONES = ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"];

/** At a moment of the hospital's wall, written as there. */
const at = (moment: string): void => void vi.setSystemTime(Date.parse(`${moment}+08:00`));

beforeEach(() => {
  setLanguage("zh");
});

describe.each(ZONES)("on a phone in %s", (zone) => {
  beforeEach(() => {
    vi.stubEnv("TZ", zone);
    return () => vi.unstubAllEnvs();
  });

  it.each([
    ["2026-11-26T00:00:00", "2026-11-26", "今天 11月26日 周四"],
    ["2026-11-26T23:59:59", "2026-11-26", "今天 11月26日 周四"],
    ["2026-11-27T00:00:00", "2026-11-27", "11月26日 周四"],
    ["2026-11-25T23:59:59", "2026-11-25", "明天 11月26日 周四"],
    ["2026-11-24T23:59:59", "2026-11-24", "11月26日 周四"],
  ])("it is the hospital's day at %s", (moment, today, words) => {
    at(moment);
    expect(dayOf(Date.now())).toBe(today);
    expect(comingDays(3)[0]?.date).toBe(today);
    expect(dayWords("2026-11-26")).toBe(words);
    expect(dayWords("2026-11-26T15:59:59Z")).toBe(words);
    expect(dayWords("2026-11-25T16:00:00Z")).toBe(words);
  });

  it("the coming days cross the year, and a leap day", () => {
    at("2027-12-30T23:30:00");
    expect(comingDays(4).map((day) => day.date)).toEqual(["2027-12-30", "2027-12-31", "2028-01-01", "2028-01-02"]);
    at("2028-02-28T00:10:00");
    expect(comingDays(3).map((day) => day.date)).toEqual(["2028-02-28", "2028-02-29", "2028-03-01"]);
    expect(comingDays()).toHaveLength(16);
  });

  it("clocks show the hospital's time", () => {
    expect(clockTime("2026-11-26T00:05:00+08:00")).toBe("00:05");
    expect(clockTime("2026-11-25T16:05:00Z")).toBe("00:05");
    expect(momentWords("2026-11-28T15:59:00Z")).toBe("11月28日 周六 23:59");
    expect(onTheWall("2026-12-31T16:00:00Z")).toMatchObject({ year: 2027, month: 1, day: 1, weekday: 5, hour: 0 });
  });

  it("parts of a day begin at noon and at six", () => {
    const parts = ["11:59", "12:00", "17:59", "18:00"].map((time) => partOfDay(`2026-11-26T${time}:00+08:00`));
    expect(parts).toEqual(["morning", "afternoon", "afternoon", "evening"]);
    expect(bandWord("2026-11-26T04:00:00Z")).toBe("下午");
  });
});

describe("days to choose", () => {
  it("name the two that come first as people do, in a word", () => {
    at("2026-11-26T23:59:59");
    const names = (): string[] => ["2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28"].map(dayName);
    expect(names()).toEqual(["周三", "今天", "明天", "周六"]);
    setLanguage("en");
    expect(names()).toEqual(["Wed", "Today", "Tomorrow", "Sat"]);
  });

  it("begin with the first that has something free", () => {
    const days = [{ date: "a", state: "none" as const }, { date: "b", state: "full" as const }];
    expect(firstDay([...days, { date: "c", state: "free" }])).toBe("c");
    expect(firstDay(days)).toBe("b");
    expect(firstDay([{ date: "a" }, { date: "b" }])).toBe("a");
    at("2026-11-26T23:59:59");
    expect(firstDay([])).toBe("2026-11-26");
  });

  it("show half hours by the part of their day, and no part without any", () => {
    type Band = Parameters<typeof inParts>[0][number];
    const band = (time: string) => ({ starts_at: `2026-11-26T${time}:00+08:00` }) as Band;
    const parts = inParts([band("18:30"), band("08:00"), band("11:30")]);
    expect(parts.map((one) => [one.part, one.bands.length])).toEqual([["morning", 2], ["evening", 1]]);
  });
});

describe("money", () => {
  it.each([
    [0, "¥0.00"],
    [1, "¥0.01"],
    [99, "¥0.99"],
    [100, "¥1.00"],
    [100_000, "¥1,000.00"],
    [12_345_678, "¥123,456.78"],
    [100_000_000_000, "¥1,000,000,000.00"],
    [-150, "-¥1.50"],
    [-1, "-¥0.01"],
  ])("of %i fen is %s", (fen, words) => {
    expect(yuan(fen)).toBe(words);
  });

  it("is told as the visit stands", () => {
    const visit = (payment: string, more: object = {}) =>
      ({
        visit: { payment, fee_fen: 3_700, status: "booked" },
        money: { paid_fen: 3_700, returned_fen: 0, open_until: null },
        options: { pay: { open: true } },
        ...more,
      }) as unknown as AppVisit;
    expect(moneyWords(visit("paid"))).toContain("¥37.00");
    expect(moneyWords(visit("refunded", { money: { paid_fen: 3_700, returned_fen: 1_200 } }))).toContain("¥12.00");
    expect(moneyWords(visit("refunding", { money: { paid_fen: 3_700, returned_fen: 1_200 } }))).toContain("¥25.00");
    const open = visit("open", { money: { paid_fen: 0, returned_fen: 0, open_until: "2026-11-26T04:15:00Z" } });
    expect(moneyWords(open)).toContain("12:15");
    const free = { visit: { payment: "none", fee_fen: 0, status: "booked" }, money: { paid_fen: 0, returned_fen: 0 } };
    expect(moneyWords(visit("none", free))).toBe(t("visits.free"));
  });

  it("on its way back is told by how far it is", () => {
    const done = { state: "done", refund_step: null, refunded_fen: 0 } as const;
    expect(stateWord(done)).toBe(t("money.state.done"));
    const sent = { ...done, refund_step: "sent", refunded_fen: 1_200 } as const;
    expect([stateWord(sent), stateTone(sent)]).toEqual([t("money.step.sent"), "info"]);
    expect(stateTone({ ...done, refund_step: "declined" })).toBe("bad");
    const back = { ...sent, refund_step: "arrived" } as const;
    expect(stateWord(back)).toBe(t("money.state.partly"));
    expect(stateWord({ ...back, state: "refunded" })).toBe(t("money.state.refunded"));
    expect(stateTone({ ...back, state: "ended" })).toBe("plain");
  });

  it("names who ordered it, as far as that is known", () => {
    const bill = { kind: "exam", ordered_at: "2026-11-25T01:05:00Z" } as unknown as Parameters<typeof orderedWords>[0];
    expect(orderedWords({ ...bill, department: null, practitioner: null })).toBe("11月25日 周三 09:05");
    expect(orderedWords({ ...bill, department: "心内科", practitioner: "王建国" })).toContain("心内科 王建国");
    setLanguage("en");
    expect(orderedWords({ ...bill, department: "Cardiology", practitioner: "Wang Jianguo" })).not.toMatch(/ {2}/);
  });
});

describe("what is left of a time", () => {
  it.each([
    [-5, "00:00"],
    [0, "00:00"],
    [0.2, "00:01"],
    [59, "00:59"],
    [59.5, "01:00"],
    [300, "05:00"],
    [3_599, "59:59"],
    [3_600, "1 小时 0 分"],
    [86_399, "23 小时 59 分"],
  ])("%d seconds", (seconds, words) => {
    expect(remaining(seconds)).toBe(words);
  });

  it("is told in English too", () => {
    setLanguage("en");
    expect([remaining(59), remaining(3_659)]).toEqual(["00:59", "1 h 0 min"]);
    expect(leftWords("2026-11-26T04:00:10Z", 10)).toBe("00:10 left");
    expect(leftWords("2026-11-28T03:30:00Z", 171_000)).toBe("Until Sat 28 Nov 11:30");
  });

  it("is a day and a time where it is more than a day, and over when nothing is left", () => {
    expect(leftWords("2026-11-27T04:00:00Z", 86_400)).toBe("还剩 24 小时 0 分");
    expect(leftWords("2026-11-27T04:00:01Z", 86_401)).toBe("明天 11月27日 周五 12:00 前有效");
    expect(leftWords("2026-11-26T04:00:00Z", 0)).toBe(t("common.time_up"));
  });
});

describe("how long it may take", () => {
  const wait = (low: number, high: number): string => waitWords({ low_seconds: low * 60, high_seconds: high * 60 });

  it("promises no more than is known", () => {
    expect(wait(0, 0)).toBe(t("queue.wait_soon"));
    expect(wait(1, 5)).toBe(t("queue.wait_soon"));
    expect(wait(0, 12)).toBe(t("queue.wait_within", { n: 15 }));
    expect(wait(10, 10)).toBe(t("queue.wait_about", { n: 10 }));
    expect(wait(12, 33)).toBe(t("queue.wait_range", { low: 10, high: 35 }));
    expect(wait(119, 121)).toBe(t("queue.wait_hours", { low: 1.5, high: 2.5 }));
    expect(wait(150, 150)).toBe(t("queue.wait_one", { n: 2.5 }));
  });

  it("is never less than what the hospital reckons", () => {
    for (let low = 0; low < 400; low += 7) {
      const numbers = wait(low, low + 1).match(/[\d.]+/g)?.map(Number) ?? [];
      const unit = /小时/.test(wait(low, low + 1)) ? 60 : 1;
      expect((numbers[numbers.length - 1] ?? 5) * unit).toBeGreaterThanOrEqual(low + 1);
    }
  });
});

describe("counting", () => {
  it("says one of a thing in English as English does", () => {
    setLanguage("en");
    expect(lengthWords(1)).toBe("1 minute");
    expect(lengthWords(30)).toBe("30 minutes");
    expect(lengthWords(90)).toBe("90 minutes");
    expect(lengthWords(120)).toBe("2 hours");
    expect(t("waitlist.people", { n: 1 })).toBe("1 person");
    expect(t("waitlist.people", { n: 0 })).toBe("0 people");
    expect(t("waitlist.people", { n: 1_200 })).toBe("1200 people");
    expect(t("family.age", { years: 1 })).not.toMatch(/years/);
    expect(t("family.age", { years: 2 })).toMatch(/years/);
  });

  it("does not ask for it in Chinese", () => {
    expect([lengthWords(1), lengthWords(30), lengthWords(120)]).toEqual(["1 分钟", "30 分钟", "2 小时"]);
  });

  it("leaves a place that nobody fills as it is, and takes what is filled in literally", () => {
    expect(t("waitlist.until", {})).toContain("{when}");
    expect(t("waitlist.until", { when: "$& {n}" })).toContain("$& {n}");
  });
});

describe("waiting for a number", () => {
  type Entry = Parameters<typeof daysWords>[0];
  const entry = (more: object) => ({ date: null, period: null, periods: [], ...more }) as unknown as Entry;

  it("names a clinic, or days", () => {
    expect(daysWords(entry({ date: "2026-11-28", period: "morning" }))).toBe("11月28日 周六 上午");
    const days = { date_from: "2026-11-28", date_until: "2026-11-28", periods: ["morning", "evening"] };
    expect(daysWords(entry(days))).toBe("11月28日 周六 上午 晚上");
    expect(daysWords(entry({ ...days, date_until: "2026-11-30", periods: [] }))).toBe("11月28日 周六 至 11月30日 周一");
  });

  it("names a half hour by its own day", () => {
    const band = { date: "2026-11-28", starts_at: "2026-11-28T00:00:00Z", ends_at: "2026-11-28T00:30:00Z" };
    expect(bandWords(band)).toBe("11月28日 周六 08:00–08:30");
    const visit = { ...band, department: "心内科", practitioner: "王建国" } as unknown as Parameters<typeof whenWords>[0];
    expect(whenWords(visit)).toBe("11月28日 周六 08:00–08:30");
  });
});

describe("why somebody cannot have a number", () => {
  const why = (code: string, details: Record<string, unknown> = {}): string =>
    refusalWords({ code, details, sentence: "As the hospital says." });

  it("is said as a nurse would", () => {
    expect(why("booking.patient_not_eligible", { rule: "age_years_min", limit: 60 })).toContain("60 岁及以上");
    expect(why("booking.patient_not_eligible", { rule: "age_years_max", limit: 14 })).toContain("14 岁及以下");
    expect(why("booking.patient_not_eligible", { rule: "sex", limit: 2 })).toContain("女性");
    expect(why("booking.patient_not_eligible", { rule: "sex", limit: 1 })).toContain("男性");
    expect(why("booking.patient_banned", { until: "2026-12-01T00:00:00+08:00" })).toContain("12月1日");
    expect(why("booking.not_released", { opens_at: "2026-11-26T23:30:00Z" })).toContain("明天 11月27日 周五 07:30");
    expect(why("booking.sold_out")).toBe(t("booking.refused.sold_out"));
  });

  it("is said as the hospital does where there are no better words", () => {
    for (const code of ["booking.patient_not_eligible", "booking.patient_banned", "booking.not_released", "another"]) {
      expect(why(code, { rule: "unheard_of" })).toBe("As the hospital says.");
    }
  });
});

describe("distances", () => {
  const guangzhou = { latitude: 23.1291, longitude: 113.2644, accuracy_metres: 10, age_milliseconds: 0 };
  const beijing = { latitude: 39.9042, longitude: 116.4074 };

  it("are as the crow flies", () => {
    expect(kilometres(guangzhou, guangzhou)).toBe(0);
    expect(kilometres(guangzhou, beijing)).toBeGreaterThan(1_880);
    expect(kilometres(guangzhou, beijing)).toBeLessThan(1_900);
    const onEquator = (longitude: number) => ({ ...guangzhou, latitude: 0, longitude });
    expect(kilometres(onEquator(179.9), onEquator(-179.9))).toBeLessThan(23);
    expect(kilometres(onEquator(0), onEquator(180))).toBeCloseTo(20_015, 0);
  });

  it("put the nearest campus first, and change nothing where nobody says where they are", () => {
    const places = [{ id: "far", ...beijing }, { id: "near", ...guangzhou }];
    const campuses = places as unknown as Parameters<typeof nearestFirst>[0];
    expect(nearestFirst(campuses, guangzhou).map((one) => one.id)).toEqual(["near", "far"]);
    expect(nearestFirst(campuses, null)).toBe(campuses);
    expect(campuses.map((one) => one.id)).toEqual(["far", "near"]);
  });
});

describe("how a visit stands", () => {
  const visit = (more: object) =>
    ({ status: "booked", date: "2026-11-26", stop: null, next_step: null, ...more }) as unknown as AppVisitBrief;
  const TODAY = "2026-11-26";

  it.each([
    [{}, "booked"],
    [{ next_step: "pay" }, "to_pay"],
    [{ date: "2026-11-25" }, "over"],
    [{ status: "cancelled" }, "cancelled"],
    [{ status: "cancelled", stop: "cancelled" }, "stopped_cancelled"],
    [{ status: "fulfilled", date: "2026-11-25" }, "fulfilled"],
    [{ status: "noshow", date: "2026-11-25" }, "noshow"],
    [{ status: "arrived" }, "arrived"],
    [{ stop: "pending" }, "stopped"],
    [{ stop: "offered", next_step: "answer_stop" }, "to_choose"],
    [{ status: "entered-in-error" }, "over"],
  ])("%o is %s", (more, word) => {
    expect(standing(visit(more), TODAY)).toBe(word);
  });

  it("has its day in words without double spaces", () => {
    setLanguage("en");
    const words = visitDay({ date: "2026-11-26", starts_at: "2026-11-26T09:00:00+08:00" });
    expect(words).toMatch(/^Today Thu 26 Nov \w+$/);
    expect(joined("a", "", "b")).toBe("a b");
  });
});

describe("documents", () => {
  const now = (): number => Date.now();

  it("are looked at for slips", () => {
    expect(numberProblem("CN-ID", "11010519491231002X")).toBeNull();
    expect(numberProblem("CN-ID", "110105 19491231 002x")).toBeNull();
    expect(numberProblem("CN-ID", "110105194912310021")).toBe("family.number_wrong");
    expect(numberProblem("CN-ID", "1101051949123100")).toBe("family.number_length");
    expect(numberProblem("CN-ID", "")).toBe("family.number_missing");
    expect(numberProblem("PPN", "e12345678")).toBeNull();
    expect(numberProblem("TWMTP", "1234567")).toBe("family.number_wrong");
  });

  it("tell a birth date", () => {
    expect(birthDateIn("CN-ID", "11010519491231002X", now())).toBe("1949-12-31");
    expect(birthDateIn("PPN", "11010519491231002X", now())).toBeNull();
    expect(dayIn("2026-02-30", now())).toBeNull();
    expect(dayIn("20261126", now())).toBe("2026-11-26");
    expect(dayIn("20261127", now())).toBeNull();
  });

  it("count years by the hospital's day", () => {
    at("2026-11-25T23:59:59");
    expect([ageOf("2008-11-26", now()), isMinor("2008-11-26", now())]).toEqual([17, true]);
    at("2026-11-26T00:00:00");
    expect([ageOf("2008-11-26", now()), isMinor("2008-11-26", now())]).toEqual([18, false]);
    expect(isMinor(null, now())).toBe(false);
  });
});

describe("help", () => {
  const said = (): string => helpText().map((one) => one.question).join("\n");

  it("answers what people ask on the day of a visit, in both languages", () => {
    expect(said()).toMatch(/签到[^]*取消预约[^]*缴费[^]*退费/);
    const count = helpText().length;
    setLanguage("en");
    expect(said()).toMatch(/check in[^]*cancel[^]*pay[^]*money back/);
    expect(helpText()).toHaveLength(count);
  });

  it.each(["zh", "en"] as const)("names buttons and screens as they are called in %s", (language) => {
    setLanguage(language);
    const answers = helpText().slice(1, 5).map((one) => one.answer);
    expect(answers[0]).toContain(t("visits.step.check_in"));
    expect(answers[1]).toContain(t("visits.appointment.cancel"));
    expect(answers[1]).toContain(t("visits.appointment.reschedule"));
    expect(answers[2]).toContain(t("home.bills"));
    expect(answers[3]).toContain(t("money.orders.title"));
  });
});
