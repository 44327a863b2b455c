/** The bills that the chosen member owes, and ordering some of them. */
import { computed, reactive, ref, toRef } from "vue";

import type { Reading } from "@/api/client";
import { listBills, orderBills } from "@/api/operations";
import type { UnpaidBill, UnpaidBillList } from "@/api/types";
import { t } from "@/locale";
import { consentAndShare } from "@/money/insured";
import { replace } from "@/navigation";
import { isReachable, quiet } from "@/platform";
import { now } from "@/stores/clock";
import { loadMembers, member, members } from "@/stores/members";
import { say, useAction } from "@/use/action";
import type { Screen } from "@/use/screen";

const CONFLICT = 409;

export interface PayingBills {
  /** Null until the person has chosen, where there is a choice. */
  isInsured: boolean | null;
  isOffered: boolean;
  isBusy: boolean;
  /** Order and go on to pay; where it is not chosen yet how, lead to the choice. */
  run: () => Promise<void>;
  /** What the button says; `plain`: where it is paid without insurance. */
  words: (plain: string) => string;
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
  const isInsured = ref<boolean | null>(null);
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
  const isOffered = computed(() => place.value !== null);
  const isOpen = computed(() => isOffered.value && isInsured.value === null);

  function words(plain: string): string {
    return isOpen.value ? t("money.insured.choose") : isInsured.value ? t("money.insured.pay") : plain;
  }

  async function run(): Promise<void> {
    if (isOpen.value) {
      // The choice is on top.
      uni.pageScrollTo({ scrollTop: 0, ...quiet });
      say(t("money.insured.choose"));
    } else {
      await ordering.run();
    }
  }

  return reactive({ isInsured, isOffered, isBusy: toRef(ordering, "isBusy"), run, words });
}
