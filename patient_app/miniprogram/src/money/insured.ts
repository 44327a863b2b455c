/** Bills on their way to the insurance: kept on the device while somebody consents on a page of the insurance's. */
import { newKey } from "@/api/client";
import type { ChosenBill, InsurancePlace, UnpaidBill } from "@/api/types";
import { t } from "@/locale";
import { open, replace } from "@/navigation";
import { forget, keep, kept, visitInsurance } from "@/platform";
import { say } from "@/use/action";

/** What is to be shared; `key` is the same for every try of it, also after the page was loaded again. */
export interface Wanted {
  patientId: string;
  bills: ChosenBill[];
  key: string;
}

const NAME = "insured-bills";
const SCREEN = "/money/insured/insured";

export function readWanted(): Wanted | null {
  return kept<Wanted>(NAME);
}

export function forgetWanted(): void {
  forget(NAME);
}

/** Go to consent to having bills shared, and then on to have it done. */
export async function consentAndShare(
  patientId: string,
  bills: UnpaidBill[],
  place: InsurancePlace,
  go: typeof open | typeof replace = open,
): Promise<void> {
  const seen = bills.map((bill) => ({ bill_no: bill.bill_no, hash: bill.hash }));
  keep(NAME, { patientId, bills: seen, key: newKey() } satisfies Wanted);
  const visited = await visitInsurance(place);
  if (visited.code) {
    go(SCREEN, { code: visited.code });
  } else if (!visited.hasLeft) {
    say(t("money.insured.refused"));
  }
}
