/** How cases, visits and marks are called. */
import type { AppFeedback, AppFeedbackBrief, AppFeedbackVisit, FeedbackStatus } from "@/api/types";
import type { Tone } from "@/components/StatusTag.vue";
import { t } from "@/locale";
import { now } from "@/stores/clock";
import { dayWords } from "@/use/words";

export const MARKS = [1, 2, 3, 4, 5] as const;
const NAMES = ["one", "two", "three", "four", "five"] as const;

export const TONES: Record<FeedbackStatus, Tone> = {
  submitted: "info",
  transferred: "info",
  acknowledged: "info",
  answered: "good",
  reopened: "warn",
  closed: "plain",
};

/** The last day of a time that ends at midnight. */
export function lastDay(end: string): string {
  return dayWords(Date.parse(end) - 1);
}

export function visitWords(visit: AppFeedbackVisit): string {
  return t("feedback.visit", { department: visit.department, practitioner: visit.practitioner });
}

/** How a case stands, and what comes next. */
export function nowWords(found: AppFeedback | AppFeedbackBrief): string {
  if (found.status === "answered" || found.status === "closed") {
    return t(`feedback.now.${found.status}`, { office: found.office });
  }
  const isLate = Date.parse(found.answer_by) <= now();
  return t(isLate ? "feedback.now.late" : "feedback.now.waiting", {
    office: found.office,
    day: lastDay(found.answer_by),
  });
}

export function markWord(mark: number): string {
  const name = NAMES[mark - 1];
  return name ? t(`feedback.mark.${name}`) : "";
}
