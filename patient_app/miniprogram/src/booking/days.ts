/** The days that can be chosen, and the parts of a day. All by the hospital's clock. */
import type { AppDayState, AppSeatsBandsItem } from "@/api/types";
import { now } from "@/stores/clock";
import { onTheWall } from "@/use/words";

const DAY_MILLISECONDS = 86_400_000;
const NOON = 12;
const EVENING = 18;

export const DAYS_SHOWN = 16;

export type Part = "morning" | "afternoon" | "evening";
export type DayState = AppDayState["state"];

/** A day to choose; what is known of it, if anything is. */
export interface Day {
  date: string;
  state?: DayState;
}

/** `2026-11-26` of a moment. */
export function dayOf(moment: string | number): string {
  const at = onTheWall(moment);
  return `${at.year}-${String(at.month).padStart(2, "0")}-${String(at.day).padStart(2, "0")}`;
}

/** Today and the days after it. */
export function comingDays(count: number = DAYS_SHOWN): Day[] {
  return Array.from({ length: count }, (_, ahead) => ({ date: dayOf(now() + ahead * DAY_MILLISECONDS) }));
}

/** The day to show first: the first with something free, else the first with anything, else today. */
export function firstDay(days: Day[]): string {
  const found =
    days.find((day) => day.state === "free") ?? days.find((day) => day.state && day.state !== "none") ?? days[0];
  return found?.date ?? dayOf(now());
}

export function partOfDay(moment: string): Part {
  const { hour } = onTheWall(moment);
  return hour < NOON ? "morning" : hour < EVENING ? "afternoon" : "evening";
}

/** Put half hours into the parts of their day; parts without any are left out. */
export function inParts(bands: AppSeatsBandsItem[]): { part: Part; bands: AppSeatsBandsItem[] }[] {
  return (["morning", "afternoon", "evening"] as const)
    .map((part) => ({ part, bands: bands.filter((band) => partOfDay(band.starts_at) === part) }))
    .filter((one) => one.bands.length > 0);
}
