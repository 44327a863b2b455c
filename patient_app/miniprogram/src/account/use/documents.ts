/** Identity documents: what a number looks like and tells, so that a slip is seen before it is sent. */
import type { Key } from "@/locale";
import { onTheWall } from "@/use/words";

export type DocumentType = "CN-ID" | "HKMTP" | "TWMTP" | "PPN" | "BCT";

export const DOCUMENT_TYPES: DocumentType[] = ["CN-ID", "HKMTP", "TWMTP", "PPN", "BCT"];
const FORMS: Record<DocumentType, RegExp> = {
  "CN-ID": /^[1-9]\d{16}[\dX]$/,
  HKMTP: /^[HM]\d{8}(\d{2})?$/,
  TWMTP: /^\d{8}(\d{2})?$/,
  PPN: /^[A-Z0-9]{5,20}$/,
  BCT: /^[A-Z]\d{9}$/,
};
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK = "10X98765432";
const ADULT_YEARS = 18;

/** As it is sent: without spaces, in capitals. */
export function canonical(number: string): string {
  return number.replace(/[\s-]/g, "").toUpperCase();
}

/** Say what is wrong with a number; null where nothing is. */
export function numberProblem(type: DocumentType, number: string): Key | null {
  const given = canonical(number);
  if (!given) {
    return "family.number_missing";
  }
  if (type !== "CN-ID") {
    return FORMS[type].test(given) ? null : "family.number_wrong";
  }
  if (given.length !== 18) {
    return "family.number_length";
  }
  const sum = WEIGHTS.reduce((total, weight, index) => total + weight * Number(given[index]), 0);
  return FORMS["CN-ID"].test(given) && CHECK[sum % 11] === given[17] ? null : "family.number_wrong";
}

/** Read `2026-11-26` from eight digits; null where they are no day that has been. */
export function dayOf(digits: string, present: number): string | null {
  const found = /^(\d{4})(\d{2})(\d{2})$/.exec(digits.replace(/[^\d]/g, ""));
  if (!found) {
    return null;
  }
  const day = `${found[1]}-${found[2]}-${found[3]}`;
  const read = new Date(`${day}T00:00:00Z`);
  const isReal = !Number.isNaN(read.getTime()) && read.toISOString().slice(0, 10) === day;
  return isReal && Number(found[1]) >= 1880 && ageOf(day, present) >= 0 ? day : null;
}

/** The birth date that a number tells; null where it tells none. */
export function birthDateIn(type: DocumentType, number: string, present: number): string | null {
  const given = canonical(number);
  return type === "CN-ID" && given.length === 18 ? dayOf(given.slice(6, 14), present) : null;
}

/** Whole years on the hospital's day; below 0 for a day to come. */
export function ageOf(day: string, present: number): number {
  const today = onTheWall(present);
  const [year, month, date] = day.split("-").map(Number) as [number, number, number];
  const hadBirthday = today.month > month || (today.month === month && today.day >= date);
  return today.year - year - (hadBirthday ? 0 : 1);
}

export function isMinor(day: string | null, present: number): boolean {
  return day !== null && ageOf(day, present) < ADULT_YEARS;
}
