"""
PaymentError
├── OrderNotFound           payments.order_not_found
├── AttemptNotFound         payments.attempt_not_found
├── OrderNotOpen            payments.order_not_open             current_status
├── OrderEnding             payments.order_ending               expires_at
├── SubjectAlreadyOrdered   payments.subject_already_ordered    order_id
├── ChannelNotOffered       payments.channel_not_offered        channel
├── PayerRequired           payments.payer_required
├── TooManyAttempts         payments.too_many_attempts
├── ChannelSilent           payments.channel_silent             attempt_no
├── RefusedByChannel        payments.refused_by_channel         channel_code
├── MerchantNotFound        payments.merchant_not_found
├── MerchantDiffers         payments.merchant_differs
├── MerchantStopped         payments.merchant_stopped
├── MerchantNotStopped      payments.merchant_not_stopped
├── WrongAmount             payments.wrong_amount               amount_fen
├── TransactionKnown        payments.transaction_known          transaction_no
├── RefundNotFound          payments.refund_not_found
├── NotRefundable           payments.not_refundable             current_status
├── RefundByCancelling      payments.refund_by_cancelling
├── OverRefundable          payments.over_refundable            refundable_fen
├── RefundLimitPassed       payments.refund_limit_passed        limit
├── RefundNotWaiting        payments.refund_not_waiting         current_status
├── SecondPersonRequired    payments.second_person_required
├── StaffRequired           payments.staff_required
├── RuleChanged             payments.rule_changed               current_version
├── RuleChangeNotFound      payments.rule_change_not_found
├── RuleChangeWaiting       payments.rule_change_waiting        change_id
├── RuleChangeDecided       payments.rule_change_decided        current_status
├── RuleTermsDisagree       payments.rule_terms_disagree
├── DeadLetterNotFound      payments.dead_letter_not_found
├── ExceptionNotFound       payments.exception_not_found
├── ExceptionResolved       payments.exception_resolved
├── ActionNotAllowed        payments.action_not_allowed         allowed
├── PatientNotLinked        payments.patient_not_linked
├── NothingToPay            payments.nothing_to_pay
├── TooManyBills            payments.too_many_bills             limit
├── BillNotFound            payments.bill_not_found             bill_no
├── BillNotUnpaid           payments.bill_not_unpaid            bill_no, current_status
├── BillChanged             payments.bill_changed               bill_no
├── BillAlreadyOrdered      payments.bill_already_ordered       bill_no, order_id
├── ItemNotRefundable       payments.item_not_refundable        item_no
├── RefundedTogether        payments.refunded_together
├── StayNotFound            payments.stay_not_found
├── StayNotOpen             payments.stay_not_open              current_status
├── DepositOutOfBounds      payments.deposit_out_of_bounds      minimum_fen, maximum_fen
├── PayoutNotFound          payments.payout_not_found
├── PayoutRecorded          payments.payout_recorded
├── PayCodeNotFound         payments.pay_code_not_found
├── PayCodeEnded            payments.pay_code_ended             reason
├── TooManyPayCodes         payments.too_many_pay_codes         limit
└── PayCodeBusy             payments.pay_code_busy              retry_after_seconds
"""

from kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TooMany, Unavailable


class OrderNotFound(NotFound):
    """No such order, or not one of this client's."""

    code = "payments.order_not_found"
    zh = "没有找到该订单"
    en = "This order could not be found."


class AttemptNotFound(NotFound):
    """No such payment, or not of one of this client's orders."""

    code = "payments.attempt_not_found"
    zh = "没有找到该支付记录"
    en = "This payment could not be found."


class OrderNotOpen(Conflict):
    """The order is paid, closed or being closed; `current_status` says which."""

    code = "payments.order_not_open"
    zh = "该订单已支付、已关闭或正在关闭"
    en = "This order has been paid or closed."


class OrderEnding(Refused):
    """Too little time is left to pay; `expires_at` is the end."""

    code = "payments.order_ending"
    zh = "订单即将超时，不能再发起支付"
    en = "This order is about to end and can no longer be paid."


class SubjectAlreadyOrdered(Conflict):
    """There is an order for the same thing that is open, being paid or paid."""

    code = "payments.subject_already_ordered"
    zh = "该项目已有未完成或已支付的订单"
    en = "There is already an order for this that is open or paid."


class ChannelNotOffered(Refused):
    """This campus takes no money by this channel."""

    code = "payments.channel_not_offered"
    zh = "该院区暂不支持此支付方式"
    en = "This way to pay is not offered here."


class PayerRequired(Invalid):
    """A mini-program pays for a payer whom its channel knows; none was named."""

    code = "payments.payer_required"
    zh = "缺少支付者标识"
    en = "The payer's id with the channel is needed."


class TooManyAttempts(Refused):
    """The order was tried to be paid as often as is allowed."""

    code = "payments.too_many_attempts"
    zh = "该订单的支付尝试次数已达上限，请重新下单"
    en = "This order has been tried too often. Please begin anew."


class ChannelSilent(Unavailable):
    """The channel does not answer; the same request may be made again with the same key."""

    code = "payments.channel_silent"
    zh = "支付渠道暂时没有响应，请稍后重试或更换支付方式"
    en = "The payment channel does not answer. Please try again, or pay in another way."


class RefusedByChannel(Refused):
    """The channel will not take this payment; `channel_code` is its own word."""

    code = "payments.refused_by_channel"
    zh = "支付渠道拒绝了本次支付，请更换支付方式"
    en = "The payment channel refused. Please pay in another way."


class MerchantNotFound(NotFound):
    """The hospital has no such account."""

    code = "payments.merchant_not_found"
    zh = "没有找到该收款商户"
    en = "This account could not be found."


class MerchantDiffers(Conflict):
    """The code, the campus or the merchant number is another account's; only where its keys lie can be changed."""

    code = "payments.merchant_differs"
    zh = "商户编码、院区渠道或商户号已被其他账户使用，只能修改其密钥引用"
    en = "The code, campus or merchant number is another account's. Only where its keys lie can be changed."


class MerchantStopped(Conflict):
    """The account takes no money already."""

    code = "payments.merchant_stopped"
    zh = "该商户已停用"
    en = "This account is stopped already."


class MerchantNotStopped(Conflict):
    """The account takes money."""

    code = "payments.merchant_not_stopped"
    zh = "该商户未停用"
    en = "This account is not stopped."


class WrongAmount(Invalid):
    """What was taken at the window is not what the order asks; `amount_fen` is."""

    code = "payments.wrong_amount"
    zh = "收款金额与订单金额不一致"
    en = "The amount taken is not the amount of the order."


class TransactionKnown(Conflict):
    """A slip or receipt with this number has been recorded before."""

    code = "payments.transaction_known"
    zh = "该凭证号已登记过"
    en = "This slip number has been recorded before."


class RefundNotFound(NotFound):
    """No such refund, or not one of this client's."""

    code = "payments.refund_not_found"
    zh = "没有找到该退款记录"
    en = "This refund could not be found."


class NotRefundable(Conflict):
    """Nothing of this order can go back as it stands; `current_status` says why."""

    code = "payments.not_refundable"
    zh = "该订单当前不能退款"
    en = "This order cannot be refunded as it stands."


class RefundByCancelling(Refused):
    """A registration fee goes back when the appointment is cancelled, by the clinic's rule."""

    code = "payments.refund_by_cancelling"
    zh = "挂号费随取消预约按规则原路退回，请取消该预约"
    en = "The fee goes back when the appointment is cancelled. Please cancel it."


class OverRefundable(Refused):
    """More is asked back than is left; `refundable_fen` is what could be."""

    code = "payments.over_refundable"
    zh = "退款金额超过可退金额"
    en = "More is asked back than can be refunded."


class RefundLimitPassed(Refused):
    """The channel takes no further refund of this payment; `limit` names the rule."""

    code = "payments.refund_limit_passed"
    zh = "该笔支付已超过渠道允许的退款次数或期限"
    en = "The channel no longer refunds this payment."


class RefundNotWaiting(Conflict):
    """The refund does not wait for this step; `current_status` says where it stands."""

    code = "payments.refund_not_waiting"
    zh = "该退款当前不处于可执行此操作的状态"
    en = "This refund does not wait for that step."


class SecondPersonRequired(Forbidden):
    """Who asked for a refund may not approve it."""

    code = "payments.second_person_required"
    zh = "退款须由申请人以外的人员复核"
    en = "A refund is approved by somebody else than who asked for it."


class StaffRequired(Forbidden):
    """Only a named member of staff may do this."""

    code = "payments.staff_required"
    zh = "该操作须由本院工作人员完成"
    en = "Only a member of staff may do this."


class RuleChanged(Conflict):
    """Somebody else has changed the rules since they were read."""

    code = "payments.rule_changed"
    zh = "规则已被他人修改，请刷新后重试"
    en = "The rules were changed meanwhile. Please read them again."


class RuleChangeNotFound(NotFound):
    """There is no such change of a rule of money."""

    code = "payments.rule_change_not_found"
    zh = "没有找到该规则变更"
    en = "This change of a rule was not found."


class RuleChangeWaiting(Conflict):
    """A change of the same rule waits for a second person already."""

    code = "payments.rule_change_waiting"
    zh = "该规则已有变更等待审批"
    en = "A change of this rule is waiting for approval already."


class RuleChangeDecided(Conflict):
    """Somebody has decided on this change already."""

    code = "payments.rule_change_decided"
    zh = "该规则变更已处理"
    en = "This change of a rule was decided on already."


class RuleTermsDisagree(Invalid):
    """The amounts of a deposit rule have an order: minimum, maximum of one payment, cap of a stay."""

    code = "payments.rule_terms_disagree"
    zh = "金额设置不合理：单次下限不得高于单次上限和累计上限"
    en = "The minimum may not be above the maximum of one payment or the cap."


class DeadLetterNotFound(NotFound):
    """Nothing dead has this number."""

    code = "payments.dead_letter_not_found"
    zh = "没有找到等待人工处理的消息"
    en = "Nothing of this number waits for a person."


class ExceptionNotFound(NotFound):
    """No such exception."""

    code = "payments.exception_not_found"
    zh = "没有找到该异常记录"
    en = "This exception could not be found."


class ExceptionResolved(Conflict):
    """Somebody has resolved it already."""

    code = "payments.exception_resolved"
    zh = "该异常已处理"
    en = "This exception has been resolved."


class ActionNotAllowed(Refused):
    """This exception is not resolved in that way; `allowed` lists how it may be."""

    code = "payments.action_not_allowed"
    zh = "该异常不支持此处理方式"
    en = "This exception cannot be resolved in that way."


class PatientNotLinked(Unavailable):
    """The HIS has not told its record number of this person yet; it is being asked."""

    code = "payments.patient_not_linked"
    zh = "正在与医院核对就诊人档案，请稍后再试"
    en = "The hospital's record of this patient is being looked up. Please try again in a moment."


class NothingToPay(Refused):
    """There is nothing to pay."""

    code = "payments.nothing_to_pay"
    zh = "没有需要支付的金额"
    en = "There is nothing to pay."


class TooManyBills(Invalid):
    """An order pays at least one bill, each once, and at most `limit`."""

    code = "payments.too_many_bills"
    zh = "所选费用单的数量不正确"
    en = "The number of bills chosen is not right."


class BillNotFound(NotFound):
    """The HIS has no such bill of this person."""

    code = "payments.bill_not_found"
    zh = "没有找到该费用单"
    en = "This bill could not be found."


class BillNotUnpaid(Conflict):
    """The bill is paid or withdrawn; `current_status` says which."""

    code = "payments.bill_not_unpaid"
    zh = "该费用单已缴费或已撤销"
    en = "This bill has been paid or withdrawn."


class BillChanged(Conflict):
    """The bill has changed since the payer saw it."""

    code = "payments.bill_changed"
    zh = "费用单内容已变更，请重新确认后再缴费"
    en = "This bill has changed. Please look at it again before paying."


class BillAlreadyOrdered(Conflict):
    """Another order for this bill may be paid, or is."""

    code = "payments.bill_already_ordered"
    zh = "该费用单已有待支付或已支付的订单"
    en = "There is already an order for this bill."


class ItemNotRefundable(Conflict):
    """The item is not of this order, or its refund was asked for before."""

    code = "payments.item_not_refundable"
    zh = "该项目不能退费或已申请退费"
    en = "This item cannot be refunded, or its refund was asked for already."


class RefundedTogether(Conflict):
    """The insurance's part goes back whole: what it has a share in is refunded with all that is left of the order."""

    code = "payments.refunded_together"
    zh = "医保结算的项目需整单退费"
    en = "What the insurance has shared is refunded together, with all that is left of the order."


class StayNotFound(NotFound):
    """This person has no such stay in hospital."""

    code = "payments.stay_not_found"
    zh = "没有找到住院记录"
    en = "No such stay in hospital could be found."


class StayNotOpen(Conflict):
    """The stay is at another stage; `current_status` says at which."""

    code = "payments.stay_not_open"
    zh = "当前住院状态不能办理此业务"
    en = "This cannot be done at this stage of the stay."


class DepositOutOfBounds(Refused):
    """The hospital takes no such deposit; the bounds say what it takes."""

    code = "payments.deposit_out_of_bounds"
    zh = "预交金金额超出允许范围"
    en = "A deposit of this amount is not taken."


class PayoutNotFound(NotFound):
    """No such payout."""

    code = "payments.payout_not_found"
    zh = "没有找到该线下退款记录"
    en = "This payout could not be found."


class PayoutRecorded(Conflict):
    """Somebody has recorded this payout already."""

    code = "payments.payout_recorded"
    zh = "该线下退款已登记"
    en = "This payout has been recorded."


class PayCodeNotFound(NotFound):
    """No such pay code, or not one of this caller's."""

    code = "payments.pay_code_not_found"
    zh = "代付链接无效"
    en = "This pay code is not valid."


class PayCodeEnded(Conflict):
    """The pay code was used, revoked or is too old; `reason` says which."""

    code = "payments.pay_code_ended"
    zh = "代付链接已失效"
    en = "This pay code is no longer valid."


class TooManyPayCodes(Refused):
    """The order has as many pay codes as are allowed."""

    code = "payments.too_many_pay_codes"
    zh = "该订单的代付链接已达上限"
    en = "This order has as many pay codes as are allowed."


class PayCodeBusy(TooMany):
    """The pay code is asked for too often."""

    code = "payments.pay_code_busy"
    zh = "操作过于频繁，请稍后再试"
    en = "This pay code is being used too often. Please wait a moment."
