/** A visit in words: when it is, how it stands, what may be done. */
import type { AppVisitBrief } from "@/api/types";
import type { Tone } from "@/components/StatusTag.vue";
import { type Key, t } from "@/locale";
import { clockTime, dayWords, joined, onTheWall } from "@/use/words";

const NOON = 12;
const EVENING = 18;

export type Standing =
  | "booked"
  | "to_pay"
  | "arrived"
  | "fulfilled"
  | "cancelled"
  | "stopped_cancelled"
  | "noshow"
  | "over"
  | "to_choose"
  | "stopped";

const TONES: Record<Standing, Tone> = {
  booked: "good",
  to_pay: "warn",
  arrived: "good",
  fulfilled: "plain",
  cancelled: "plain",
  stopped_cancelled: "plain",
  noshow: "plain",
  over: "plain",
  to_choose: "bad",
  stopped: "bad",
};

/** How a visit stands, for the person: one word of several facts. */
export function standing(visit: AppVisitBrief, today: string): Standing {
  if (visit.status === "cancelled") {
    return visit.stop === "cancelled" ? "stopped_cancelled" : "cancelled";
  }
  if (visit.status === "fulfilled" || visit.status === "noshow") {
    return visit.status;
  }
  if (visit.date < today || visit.status === "entered-in-error") {
    return "over";
  }
  if (visit.next_step === "answer_stop") {
    return "to_choose";
  }
  if (visit.status === "arrived") {
    return "arrived";
  }
  if (visit.stop === "pending" || visit.stop === "offered" || visit.stop === "kept") {
    return "stopped";
  }
  return visit.next_step === "pay" ? "to_pay" : "booked";
}

export function standingTone(one: Standing): Tone {
  return TONES[one];
}

export function standingWord(one: Standing): string {
  return t(`visits.is.${one}`);
}

/** `morning`, by the hospital's wall. */
export function bandWord(moment: string): string {
  const { hour } = onTheWall(moment);
  const band = hour < NOON ? "morning" : hour < EVENING ? "afternoon" : "evening";
  return t(`visits.${band}`);
}

/** `Today Thu 26 Nov morning` */
export function visitDay(visit: { date: string; starts_at: string }): string {
  return joined(`${dayWords(visit.date)} `, bandWord(visit.starts_at)).replace(/ {2,}/g, " ");
}

/** `09:00–09:30` */
export function visitHours(visit: { starts_at: string; ends_at: string }): string {
  return t("visits.span", { from: clockTime(visit.starts_at), until: clockTime(visit.ends_at) });
}

export function visitPlace(visit: { campus: string; room: string }): string {
  return t("visits.place", { campus: visit.campus, room: visit.room });
}

/** The hospital's present day: `2026-11-26`. */
export function dayOf(moment: number): string {
  const { year, month, day } = onTheWall(moment);
  return [year, String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");
}

export function stepWord(step: NonNullable<AppVisitBrief["next_step"]>): string {
  const key: Key = `visits.step.${step}`;
  return t(key);
}
