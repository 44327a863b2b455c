/** Where booking leads to. */
import { replace } from "@/navigation";

/** Pay an order, in this screen's place: the number is had by it, and going back does not keep another. */
export function toPay(order: string): void {
  replace("/money/pay/pay", { order });
}

/** Show what came of it, in this screen's place: going back does not book again. */
export function toResult(of: { appointment?: string; order?: string }): void {
  replace("/booking/result/result", of);
}
