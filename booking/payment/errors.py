"""
PaymentRuleError
├── PaymentRequired     booking.payment_required
├── NothingToPay        booking.nothing_to_pay
├── PayAtWindow         booking.pay_at_window
├── FeeDiffers          booking.fee_differs         paid_fen, fee_fen
└── PaymentUnderWay     booking.payment_under_way
"""

from kernel.errors import Conflict, Refused


class PaymentRequired(Refused):
    """By the clinic's rule the fee is paid first: hold the number, order the payment of the hold, and pay."""

    code = "booking.payment_required"
    zh = "该号源需先支付挂号费：请先锁定号源并下单，支付成功后即预约成功"
    en = "The fee is paid first: hold the number, make an order for the hold and pay it, and the number is yours."


class NothingToPay(Refused):
    """There is no fee, or none that is paid for this number."""

    code = "booking.nothing_to_pay"
    zh = "该预约无需支付挂号费，请直接确认预约"
    en = "There is no fee to pay for this number; simply confirm it."


class PayAtWindow(Refused):
    """By the clinic's rule the fee is paid at the window or kiosk on the day."""

    code = "booking.pay_at_window"
    zh = "该预约的挂号费请就诊当日到窗口或自助机支付"
    en = "Please pay the fee at the window or kiosk on the day of the visit."


class FeeDiffers(Refused):
    """The fee is paid, and that of the other time is one that it cannot be moved to."""

    code = "booking.fee_differs"
    zh = "所选时段的挂号费与已支付的不同，请先取消原预约（费用原路退回）再重新预约"
    en = "The fee there differs from what was paid. Please cancel, which gives the fee back, and book anew."


class PaymentUnderWay(Conflict):
    """The fee has just been paid and is being settled; in a moment the same can be asked again."""

    code = "booking.payment_under_way"
    zh = "挂号费正在入账，请稍后再试"
    en = "The fee is just being settled. Please try again in a moment."
