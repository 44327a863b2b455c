/** Reading for the person chosen, or for whichever member something is of. */
import { Problem, type Reading } from "@/api/client";
import { t } from "@/locale";
import { loadMembers, member, members, nameOf } from "@/stores/members";
import { now } from "@/stores/clock";

/** What belongs to one member. `of` is null where nobody is bound yet, and then there is nothing to read. */
export interface OfMember<T> {
  of: string | null;
  answer: T | null;
}

type Ask<T> = (patientId: string) => Promise<Reading<T>>;

/** Read something of the person chosen. */
export async function forMember<T>(ask: Ask<T>): Promise<Reading<OfMember<T>>> {
  await knowMembers();
  const chosen = member.value;
  if (!chosen) {
    return { data: { of: null, answer: null }, readAt: now(), isKept: false };
  }
  const reading = await ask(chosen.patient_id);
  return { ...reading, data: { of: chosen.patient_id, answer: reading.data } };
}

/** Read what an id names, of whichever member it is: a message may lead to somebody else than the one chosen. */
export async function forWhomever<T>(ask: Ask<T>): Promise<Reading<{ of: string; answer: T }>> {
  await knowMembers();
  const chosen = member.value?.patient_id;
  const ids = members.value.map((one) => one.patient_id);
  const inTurn = chosen ? [chosen, ...ids.filter((id) => id !== chosen)] : ids;
  let absent: Problem | null = null;
  for (const of of inTurn) {
    try {
      const reading = await ask(of);
      return { ...reading, data: { of, answer: reading.data } };
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 404) {
        throw error;
      }
      absent = error;
    }
  }
  throw absent ?? new Problem("refused", t("visits.no_member_text"), 404);
}

/** `Patient Chen Xiaofang. `: begins a question about what cannot be undone. Nothing where they are not bound. */
export function aboutWhom(patientId: string): string {
  const name = nameOf(patientId);
  return name ? t("common.about", { name }) : "";
}

/** Know the people by name, whom a link may have named by id alone. */
export async function knowMembers(): Promise<void> {
  if (members.value.length === 0) {
    await loadMembers();
  }
}
