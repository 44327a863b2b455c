import { Problem } from "@/api/client";
import { t } from "@/locale";
import { loadMembers, member } from "@/stores/members";

/**
 * Say for whom a screen is shown: whom the link names, else the member chosen.
 *
 * Throws Problem where nobody is bound yet.
 */
export async function whose(named?: string): Promise<string> {
  if (named) {
    return named;
  }
  if (!member.value) {
    await loadMembers();
  }
  if (!member.value) {
    throw new Problem("refused", t("waitlist.no_member"));
  }
  return member.value.patient_id;
}
