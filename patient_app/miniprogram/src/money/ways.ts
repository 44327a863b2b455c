/** By which ways a payment can be made on this device. */
import type { PatientOrder, StartedPayment } from "@/api/types";
import { isInsideWechat, pay, payScene, type WechatPayment } from "@/platform";

export type Channel = PatientOrder["channels"][number];

/** The ways that this device can go, of those that the hospital offers. */
export function waysHere(offered: Channel[]): Channel[] {
  if (isInsideWechat()) {
    return [];
  }
  return payScene() === "mini_program" ? offered.filter((one) => one === "wechatpay") : offered;
}

/** Lead the person on to pay. Gives the code that another phone scans, where that is the way; null otherwise. */
export async function goOn(payment: StartedPayment): Promise<string | null> {
  if (payment.code_url) {
    return payment.code_url;
  }
  if (payment.page_url || payment.parameters) {
    const sheet = payment.parameters as unknown as WechatPayment | null;
    await pay({ wechat: sheet, url: payment.page_url });
  }
  return null;
}
