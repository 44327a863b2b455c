/** What is said of waiting: for a number, and before the door. */
import type { AppWaitlistEntry, AppWaitlistProspect } from "@/api/types";
import { t } from "@/locale";
import { clockTime, dayWords } from "@/use/words";

const GRAIN_MINUTES = 5;
const HOURS_FROM_MINUTES = 120;

type Target = Pick<AppWaitlistProspect, "practitioner" | "department">;

/** Who is waited for: the doctor, or any of a department. */
export function targetWords(target: Target): string {
  return target.practitioner ?? t("waitlist.any_doctor", { department: target.department });
}

/** When: the clinic's day and part of it, or from which day until which. */
export function daysWords(entry: AppWaitlistEntry): string {
  if (entry.date && entry.period) {
    return `${dayWords(entry.date)} ${t(`waitlist.period.${entry.period}`)}`;
  }
  const days =
    entry.date_from === entry.date_until
      ? dayWords(entry.date_from)
      : t("waitlist.range", { from: dayWords(entry.date_from), until: dayWords(entry.date_until) });
  return [days, ...entry.periods.map((period) => t(`waitlist.period.${period}`))].join(" ");
}

/** `08:00–08:30` after its day. */
export function bandWords(band: { date: string; starts_at: string; ends_at: string }): string {
  return `${dayWords(band.date)} ${clockTime(band.starts_at)}–${clockTime(band.ends_at)}`;
}

/** `30 minutes`, or whole hours from two on. */
export function lengthWords(minutes: number): string {
  const isHours = minutes >= HOURS_FROM_MINUTES && minutes % 60 === 0;
  return isHours ? t("waitlist.hours", { n: minutes / 60 }) : t("waitlist.minutes", { n: minutes });
}

/**
 * How long it may take, as a range that promises no more than is known: five minutes is its grain, half an hour from
 * two hours on.
 */
export function waitWords(wait: { low_seconds: number; high_seconds: number }): string {
  const low = Math.floor(wait.low_seconds / 60 / GRAIN_MINUTES) * GRAIN_MINUTES;
  const high = Math.ceil(wait.high_seconds / 60 / GRAIN_MINUTES) * GRAIN_MINUTES;
  if (high <= GRAIN_MINUTES) {
    return t("queue.wait_soon");
  }
  if (high > HOURS_FROM_MINUTES) {
    const [from, until] = [Math.floor(low / 30) / 2, Math.ceil(high / 30) / 2];
    return from === until ? t("queue.wait_one", { n: from }) : t("queue.wait_hours", { low: from, high: until });
  }
  if (low === 0) {
    return t("queue.wait_within", { n: high });
  }
  return low === high ? t("queue.wait_about", { n: low }) : t("queue.wait_range", { low, high });
}
