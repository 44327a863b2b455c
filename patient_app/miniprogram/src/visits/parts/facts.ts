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

/** Where a visit was booked; of other platforms, which. */
export function bookedBy(one: AppVisit): string {
  const by = one.visit.booked_by;
  return by === "partner" ? one.channel : t(`visits.booked_by.${by}`);
}
