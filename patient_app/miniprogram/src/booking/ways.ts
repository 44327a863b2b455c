/** Where booking leads to. */
import { replace } from "@/navigation";

/** Pay an order; the number is had by it. Going back from there returns to what was being booked. */
export function toPay(order: string): void {
  replace("/booking/result/result", { order });
}

/** Show what came of it, in this screen's place: going back does not book again. */
export function toResult(of: { appointment?: string; order?: string }): void {
  replace("/booking/result/result", of);
}
