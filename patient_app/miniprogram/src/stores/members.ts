/** The people whom the account acts for, and the one for whom everything is shown now. */
import { computed, reactive } from "vue";

import { read } from "@/api/client";
import { sessionTurn } from "@/api/tokens";
import type { Member as BoundMember } from "@/api/types";
import { keep, kept, forget } from "@/platform";

export type Member = Pick<BoundMember, "patient_id" | "name" | "relationship" | "is_default">;

const NAME = "member";

const held = reactive<{ list: Member[]; chosen: string | null }>({ list: [], chosen: kept<string>(NAME) });

export const members = computed(() => held.list);

/** The one chosen; else the account's default; else the first. Null before anybody is bound. */
export const member = computed<Member | null>(
  () =>
    held.list.find((one) => one.patient_id === held.chosen) ??
    held.list.find((one) => one.is_default) ??
    held.list[0] ??
    null,
);

/** The full name of one of them; nothing where they are not bound. */
export function nameOf(patientId: string): string {
  return held.list.find((one) => one.patient_id === patientId)?.name ?? "";
}

/** Whose something is, where it could be another's: nothing in an account of one. */
export function nameAmong(patientId: string): string {
  return held.list.length > 1 ? nameOf(patientId) : "";
}

export async function loadMembers(): Promise<void> {
  const turn = sessionTurn();
  const answer = await read<{ items: Member[] }>("/members");
  // The members of who signed out meanwhile are not those of the next.
  if (turn === sessionTurn()) {
    held.list = answer.data.items;
  }
}

export function chooseMember(patientId: string): void {
  held.chosen = patientId;
  keep(NAME, patientId);
}

export function forgetMembers(): void {
  held.list = [];
  held.chosen = null;
  forget(NAME);
}
