/** Moments, days and money as people read them. The hospital's time is Shanghai's, wherever the phone is. */
import { currentLanguage, t } from "@/locale";
import { now } from "@/stores/clock";

const SHANGHAI_MILLISECONDS = 8 * 3_600_000;
const DAY_MILLISECONDS = 86_400_000;

export interface Moment {
  year: number;
  month: number;
  day: number;
  weekday: number;
  hour: number;
  minute: number;
}

/** Take a moment apart as the clock on the hospital's wall shows it. */
export function onTheWall(moment: string | number): Moment {
  const at = new Date(milliseconds(moment) + SHANGHAI_MILLISECONDS);
  return {
    year: at.getUTCFullYear(),
    month: at.getUTCMonth() + 1,
    day: at.getUTCDate(),
    weekday: at.getUTCDay(),
    hour: at.getUTCHours(),
    minute: at.getUTCMinutes(),
  };
}

/** `09:05` */
export function clockTime(moment: string | number): string {
  const { hour, minute } = onTheWall(moment);
  return `${two(hour)}:${two(minute)}`;
}

/** `Thu 26 Nov`, with `Today` or `Tomorrow` before it where it is. `day`: `2026-11-26`, or a moment. */
export function dayWords(day: string | number): string {
  const moment = typeof day === "string" && day.length === 10 ? `${day}T00:00:00+08:00` : day;
  const at = onTheWall(moment);
  const months = t("common.months").split(",");
  const text = t("common.day", {
    month: months[at.month - 1] ?? at.month,
    day: at.day,
    weekday: weekdayWord(at.weekday),
  });
  return [nearName(moment), text].filter(Boolean).join(" ");
}

/** `Today`, `Tomorrow`, else `Sat`, of `2026-11-28`: where there is room for a word alone. */
export function dayName(day: string): string {
  const moment = `${day}T00:00:00+08:00`;
  return nearName(moment) || weekdayWord(onTheWall(moment).weekday);
}

/** `Today` or `Tomorrow`; nothing of other days. */
function nearName(moment: string | number): string {
  const name = (["common.today", "common.tomorrow"] as const)[dayNumber(moment) - dayNumber(now())];
  return name ? t(name) : "";
}

export function weekdayWord(weekday: number): string {
  return t("common.weekdays").split(",")[weekday] ?? "";
}

/** `Thu 26 Nov 09:05` */
export function momentWords(moment: string | number): string {
  return `${dayWords(moment)} ${clockTime(moment)}`;
}

/** `¥12.00`; what the hospital counts in fen, people read in yuan. */
export function yuan(fen: number): string {
  const sign = fen < 0 ? "-" : "";
  const whole = Math.floor(Math.abs(fen) / 100);
  const grouped = String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${sign}¥${grouped}.${two(Math.abs(fen) % 100)}`;
}

/** `04:59`; where hours are left, nobody watches seconds: `1 h 4 min`. */
export function remaining(seconds: number): string {
  const left = Math.max(0, Math.ceil(seconds));
  const hours = Math.floor(left / 3_600);
  const minutes = Math.floor(left / 60) % 60;
  return hours > 0 ? t("common.hours_minutes", { hours, minutes }) : `${two(minutes)}:${two(left % 60)}`;
}

/** How long something holds: `04:59 left`, and where that is more than a day, `Until Sat 28 Nov 11:30`. */
export function leftWords(until: string, seconds: number): string {
  if (seconds <= 0) {
    return t("common.time_up");
  }
  return seconds * 1_000 > DAY_MILLISECONDS
    ? t("common.time_until", { when: momentWords(until) })
    : t("common.time_left", { time: remaining(seconds) });
}

/** Join words as the language does: nothing between Chinese, a space between English. */
export function joined(...words: string[]): string {
  return words.filter(Boolean).join(currentLanguage() === "en" ? " " : "");
}

function milliseconds(moment: string | number): number {
  return typeof moment === "number" ? moment : Date.parse(moment);
}

function dayNumber(moment: string | number): number {
  return Math.floor((milliseconds(moment) + SHANGHAI_MILLISECONDS) / DAY_MILLISECONDS);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
