/** The bills that the chosen member owes, and ordering some of them. */
import { computed, reactive, ref } from "vue";

import type { Reading } from "@/api/client";
import { listBills, orderBills } from "@/api/operations";
import type { UnpaidBill, UnpaidBillList } from "@/api/types";
import { consentAndShare } from "@/money/insured";
import { replace } from "@/navigation";
import { isReachable } from "@/platform";
import { now } from "@/stores/clock";
import { loadMembers, member, members } from "@/stores/members";
import { type Action, useAction } from "@/use/action";
import type { Screen } from "@/use/screen";

const CONFLICT = 409;

export interface PayingBills {
  isInsured: boolean;
  isOffered: boolean;
  ordering: Action<[]>;
}

/** Read what the chosen member owes; nobody's bills are none. */
export async function readOwed(): Promise<Reading<UnpaidBillList>> {
  if (members.value.length === 0) {
    await loadMembers();
  }
  const patientId = member.value?.patient_id;
  return patientId
    ? listBills(patientId)
    : { data: { items: [], insurance: null }, readAt: now(), isKept: false };
}

/** Make one order for bills as they were shown, the chosen member's unless told otherwise, and go to pay it. */
export async function orderAndPay(
  bills: UnpaidBill[],
  key: string,
  patientId = member.value?.patient_id,
): Promise<void> {
  if (!patientId || bills.length === 0) {
    return;
  }
  const seen = bills.map((bill) => ({ bill_no: bill.bill_no, hash: bill.hash }));
  const order = await orderBills(patientId, { bills: seen }, key);
  replace("/money/pay/pay", { order: order.order_id });
}

/** How chosen bills are paid, on the screens that show them: by oneself, or with the insurance where it is offered. */
export function usePayingBills(screen: Screen<UnpaidBillList>, bills: () => UnpaidBill[]): PayingBills {
  const isInsured = ref(false);
  const place = computed(() => {
    const offered = screen.data?.insurance;
    return isReachable(offered) ? offered : null;
  });
  const ordering = useAction(
    async (key) => {
      if (isInsured.value && place.value && member.value) {
        await consentAndShare(member.value.patient_id, bills(), place.value);
      } else {
        await orderAndPay(bills(), key);
      }
    },
    (problem) => {
      // A doctor has changed one, or it is being paid elsewhere: what is shown has to be read again.
      if (problem.status === CONFLICT) {
        void screen.reload();
      }
      return false;
    },
  );
  return reactive({ isInsured, isOffered: computed(() => place.value !== null), ordering });
}
