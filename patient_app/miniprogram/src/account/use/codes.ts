/** What is said of codes by text message that do not fit, in words that help. */
import type { Problem } from "@/api/client";
import { t } from "@/locale";

/** Say what is wrong with a code, below its field; null where the problem is another. */
export function codeProblemOf(problem: Problem): string | null {
  if (problem.code === "sign_in.refused") {
    return t("account.code_refused");
  }
  return tooMany(problem);
}

/** Say when to come back; null where the problem is another. */
export function tooMany(problem: Problem): string | null {
  if (problem.code !== "sign_in.too_many_attempts") {
    return null;
  }
  const seconds = Number(problem.details.retry_after_seconds ?? 60);
  return seconds < 60
    ? t("account.too_many_seconds", { seconds })
    : t("account.too_many_minutes", { minutes: Math.ceil(seconds / 60) });
}
