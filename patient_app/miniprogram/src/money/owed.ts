/** The bills that the chosen member owes, and ordering some of them. */
import type { Reading } from "@/api/client";
import { listBills, orderBills } from "@/api/operations";
import type { UnpaidBill, UnpaidBillList } from "@/api/types";
import { replace } from "@/navigation";
import { loadMembers, member, members } from "@/stores/members";

/** Read what the chosen member owes; nobody's bills are none. */
export async function readOwed(): Promise<Reading<UnpaidBillList>> {
  if (members.value.length === 0) {
    await loadMembers();
  }
  const patientId = member.value?.patient_id;
  return patientId ? listBills(patientId) : { data: { items: [] }, readAt: Date.now(), isKept: false };
}

/** Make one order for bills as they were shown, and go to pay it. */
export async function orderAndPay(bills: UnpaidBill[], key: string): Promise<void> {
  const patientId = member.value?.patient_id;
  if (!patientId || bills.length === 0) {
    return;
  }
  const seen = bills.map((bill) => ({ bill_no: bill.bill_no, hash: bill.hash }));
  const order = await orderBills(patientId, { bills: seen }, key);
  replace("/money/pay/pay", { order: order.order_id });
}
