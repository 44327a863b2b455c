/** What an order, a bill or a refund is called, and how it is shown. */
import type { OrderBrief, PaidVisit, UnpaidBill } from "@/api/types";
import type { Tone } from "@/components/StatusTag.vue";
import { t } from "@/locale";
import { clockTime, dayWords, momentWords } from "@/use/words";

type Order = Pick<OrderBrief, "state" | "refund_step" | "refunded_fen">;
type Bill = Pick<UnpaidBill, "kind" | "department" | "practitioner" | "ordered_at">;

const STATE_TONES: Record<OrderBrief["state"], Tone> = {
  payable: "warn",
  ending: "info",
  ended: "plain",
  paid: "info",
  done: "good",
  returning: "info",
  refunded: "plain",
};
const STEP_TONES: Record<NonNullable<OrderBrief["refund_step"]>, Tone> = {
  asked: "info",
  agreed: "info",
  sent: "info",
  arrived: "good",
  handed_over: "good",
  in_hand: "warn",
  declined: "bad",
};

/** Steps at whose end a person has the money. */
const IS_BACK = new Set<OrderBrief["refund_step"]>(["arrived", "handed_over"]);

/** How an order stands; while money is on its way back, how far it is. What came back was not all of a paid order. */
export function stateWord(order: Order): string {
  const step = order.refund_step;
  if (order.state === "done" && order.refunded_fen > 0 && IS_BACK.has(step)) {
    return t("money.state.partly");
  }
  return step && order.state !== "refunded" && order.state !== "ended"
    ? t(`money.step.${step}`)
    : t(`money.state.${order.state}`);
}

export function stateTone(order: Order): Tone {
  const step = order.refund_step;
  return step && order.state !== "refunded" && order.state !== "ended" ? STEP_TONES[step] : STATE_TONES[order.state];
}

/** `Cardiology Wang Jianguo` */
export function whereWords(visit: PaidVisit): string {
  return `${visit.department} ${visit.practitioner}`;
}

/** `Thu 26 Nov 09:00-09:30` */
export function whenWords(visit: PaidVisit): string {
  return `${dayWords(visit.date)} ${clockTime(visit.starts_at)}–${clockTime(visit.ends_at)}`;
}

/** Who ordered a bill, and when. */
export function orderedWords(bill: Bill): string {
  const who = [bill.department, bill.practitioner].filter(Boolean).join(" ");
  const when = momentWords(bill.ordered_at);
  return who ? t("money.bills.ordered", { who, when }) : when;
}
