/** Days that may lie in another year. */
import { t } from "@/locale";
import { onTheWall } from "@/use/words";

/** `26 Nov 2026` */
export function dayWithYear(moment: string | number): string {
  const at = onTheWall(moment);
  const month = t("common.months").split(",")[at.month - 1] ?? at.month;
  return t("account.day_with_year", { year: at.year, month, day: at.day });
}
