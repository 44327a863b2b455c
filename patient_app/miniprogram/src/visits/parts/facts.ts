/** The facts of one visit, as sentences. */
import type { AppVisit } from "@/api/types";
import { t } from "@/locale";
import { momentWords, yuan } from "@/use/words";

export function directions(one: AppVisit): string {
  const { campus, room } = one.visit;
  return one.floor
    ? t("visits.appointment.directions", { campus, floor: one.floor, room })
    : t("visits.appointment.directions_no_floor", { campus, room });
}

/** How a visit stands with money: what was paid, what goes back, what is still to be paid and where. */
export function moneyWords(one: AppVisit): string {
  const { money, options, visit } = one;
  if (visit.fee_fen === 0 && money.paid_fen === 0) {
    return t("visits.free");
  }
  switch (visit.payment) {
    case "paid":
      return t("visits.appointment.money_paid", { paid: yuan(money.paid_fen - money.returned_fen) });
    case "refunding":
      return t("visits.appointment.money_refunding", { paid: yuan(money.paid_fen - money.returned_fen) });
    case "refunded":
      return t("visits.appointment.money_refunded", { returned: yuan(money.returned_fen) });
    case "open":
      if (money.open_until && options.pay.open) {
        return t("visits.appointment.money_open", { when: momentWords(money.open_until) });
      }
  }
  if (visit.status === "cancelled") {
    return t("visits.appointment.money_nothing");
  }
  return options.pay.open ? t("visits.appointment.money_none") : t("visits.appointment.money_window");
}

/** Whether the hospital's own system has it; what is over needs no confirming. */
export function hisWords(one: AppVisit, stands: boolean): string {
  if (one.his_status === "pending" && !stands) {
    return t("visits.appointment.his_over");
  }
  return t(`visits.appointment.his_${one.his_status}`);
}
