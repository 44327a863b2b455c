/** A family member in a few words. */
import type { Member } from "@/api/types";
import { t } from "@/locale";

/** `Mother or father · female · 72 years` */
export function personWords(one: Member): string {
  const sex = one.sex === 1 || one.sex === 2 ? t(`family.sex.${one.sex}`) : "";
  const age = one.age_years > 0 ? t("family.age", { years: one.age_years }) : t("family.infant");
  return [t(`family.relationship.${one.relationship}`), sex, age].filter(Boolean).join(" · ");
}

/** What is masked of a number takes no more room than it needs. */
export function briefNumber(masked: string): string {
  return masked.replace(/\*{4,}/, "****");
}
