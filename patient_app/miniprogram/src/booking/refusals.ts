/** Why somebody cannot have a number, as a nurse would say it; what has no words here is said as the hospital does. */
import { t } from "@/locale";
import { dayWords, momentWords } from "@/use/words";

export interface Refusal {
  code: string;
  sentence: string;
  details: Record<string, unknown>;
}

export function refusalWords(refusal: Refusal): string {
  const { code, details } = refusal;
  if (code === "booking.patient_not_eligible") {
    return ruleWords(details) ?? refusal.sentence;
  }
  if (code === "booking.patient_banned" && typeof details.until === "string") {
    return t("booking.refused.banned", { day: dayWords(details.until) });
  }
  if (code === "booking.not_released" && typeof details.opens_at === "string") {
    return t("booking.opens_at", { when: momentWords(details.opens_at) });
  }
  if (code === "booking.sold_out") {
    return t("booking.refused.sold_out");
  }
  return refusal.sentence;
}

function ruleWords(details: Record<string, unknown>): string | null {
  const limit = Number(details.limit);
  if (details.rule === "sex") {
    return t(limit === 2 ? "booking.refused.women_only" : "booking.refused.men_only");
  }
  if (details.rule === "age_years_min") {
    return t("booking.refused.too_young", { years: limit });
  }
  if (details.rule === "age_years_max") {
    return t("booking.refused.too_old", { years: limit });
  }
  return null;
}
