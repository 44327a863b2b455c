/**
 * Every reason why the hospital refuses, as an error of its own.
 *
 * Made by `./hospital generate` from schema/; changes belong there.
 */

import { BadRequest, Conflict, Forbidden, NotFound, ServerError, TooManyRequests, Unauthenticated, Unavailable, Unprocessable } from "./errors.js";
import type { ProblemClass } from "./errors.js";

/**
 * The person has an appointment in this department on this day. Patients read: 就诊人当天在该科室已有预约 / This patient
 * already has an appointment in this department on that day.
 */
export class BookingAlreadyBooked extends Conflict {
  declare readonly code: "booking.already_booked";
}

/**
 * A seat of this department and day is being held for the person. Patients read: 已为就诊人在该科室锁定了当天的一个号，请先完成预约或放弃该号
 * / A seat is already held for this patient in this department that day. Please confirm or release it first.
 */
export class BookingAlreadyHeld extends Conflict {
  declare readonly code: "booking.already_held";
}

/**
 * The appointment is cancelled, fulfilled or otherwise past changing; `current_status` says which. Patients
 * read: 该预约已取消、已就诊或已结束，不能再变更 / This appointment can no longer be changed.
 */
export class BookingAppointmentNotActive extends Conflict {
  declare readonly code: "booking.appointment_not_active";
}

/**
 * No such appointment, or not one of this client's. Patients read: 没有找到该预约记录 / This appointment could not be
 * found.
 */
export class BookingAppointmentNotFound extends NotFound {
  declare readonly code: "booking.appointment_not_found";
}

/**
 * It is too late to give the number back or move it; `deadline_at` says until when it could be. Patients read:
 * 已过取消和改约的截止时间 / It is too late to cancel or move this appointment.
 */
export class BookingCancelDeadlinePassed extends Conflict {
  declare readonly code: "booking.cancel_deadline_passed";
}

/**
 * Rivals kept the seats locked longer than we were willing to look; nothing was changed. Patients read:
 * 当前预约人数较多，请稍后再试 / Many people are booking this time. Please try again in a moment.
 */
export class BookingContended extends Unavailable {
  declare readonly code: "booking.contended";
}

/**
 * The person has as many appointments and holds that day as the hospital allows. Patients read: 就诊人当天的预约次数已达上限 /
 * This patient has reached the number of appointments allowed for one day.
 */
export class BookingDailyLimitReached extends Conflict {
  declare readonly code: "booking.daily_limit_reached";
}

/**
 * The fee is paid, and that of the other time is one that it cannot be moved to. Patients read:
 * 所选时段的挂号费与已支付的不同，请先取消原预约（费用原路退回）再重新预约 / The fee there differs from what was paid. Please cancel, which gives
 * the fee back, and book anew.
 */
export class BookingFeeDiffers extends Conflict {
  declare readonly code: "booking.fee_differs";
}

/**
 * The place in the feed of availability is too old to read on from: begin anew, without a cursor. Patients read:
 * 游标已过期，请不带游标重新读取全部号源 / This cursor has expired. Begin anew without one, and read everything once.
 */
export class BookingFeedCursorExpired extends BadRequest {
  declare readonly code: "booking.feed_cursor_expired";
}

/**
 * The first visit gives no free follow-up here; `rule` names what is not met. Patients read:
 * 该次就诊不能在此免费复诊，请按普通挂号预约 / That visit does not allow a free follow-up here. Please book an ordinary appointment.
 */
export class BookingFollowUpNotAllowed extends Conflict {
  declare readonly code: "booking.follow_up_not_allowed";
}

/**
 * The first visit has not taken place; `current_status` says where it stands. Patients read: 首次就诊尚未完成，不能预约免费复诊 /
 * The first visit has not taken place yet.
 */
export class BookingFollowUpNotDue extends Conflict {
  declare readonly code: "booking.follow_up_not_due";
}

/**
 * The first visit's one free follow-up is booked or was used. Patients read: 该次就诊的免费复诊号已预约或已使用 / The free
 * follow-up of that visit is booked or has been used.
 */
export class BookingFollowUpUsed extends Conflict {
  declare readonly code: "booking.follow_up_used";
}

/**
 * The slot lies outside the days after the first visit; `last_date` is the last of them. Patients read:
 * 该时段不在免费复诊期限内 / This time is outside the days in which the follow-up is free.
 */
export class BookingFollowUpWindowPassed extends Conflict {
  declare readonly code: "booking.follow_up_window_passed";
}

/**
 * The hold ran out, was released, or has become an appointment; `current_status` says which. Patients read:
 * 锁号已结束；如尚未预约成功，请重新选号 / This hold has ended. If it did not become an appointment, please choose a time again.
 */
export class BookingHoldEnded extends Conflict {
  declare readonly code: "booking.hold_ended";
}

/** No such hold, or not this client's. Patients read: 没有找到该锁号记录 / This hold could not be found. */
export class BookingHoldNotFound extends NotFound {
  declare readonly code: "booking.hold_not_found";
}

/**
 * Numbers were held and let go too often by this person, telephone or device: no hold before `until`. Patients
 * read: 该就诊人、手机号或设备多次锁号后放弃，暂停锁号；仍可直接预约，急诊不受限制 / Too many numbers were held and let go, so none can be held for a
 * while. You may still book directly.
 */
export class BookingHoldsPaused extends Conflict {
  declare readonly code: "booking.holds_paused";
}

/**
 * This telephone, account or device (`subject`) has taken as many as the hospital allows until `again_at`.
 * Patients read: 该手机号或设备的锁号、预约次数已达上限，请稍后再试 / This telephone or device has held or booked as many numbers as is
 * allowed for now.
 */
export class BookingLimitReached extends Conflict {
  declare readonly code: "booking.limit_reached";
}

/**
 * The slot's release rules have not opened it to this channel yet; `opens_at` says when. Patients read:
 * 该时段尚未放号，请在放号后再预约 / Booking for this time has not opened yet.
 */
export class BookingNotReleased extends Conflict {
  declare readonly code: "booking.not_released";
}

/**
 * There is no fee, or none that is paid for this number. Patients read: 该预约无需支付挂号费，请直接确认预约 / There is no fee to
 * pay for this number; simply confirm it.
 */
export class BookingNothingToPay extends Conflict {
  declare readonly code: "booking.nothing_to_pay";
}

/**
 * An appointment is moved within its department; another department is a new appointment. Patients read:
 * 只能在同一科室内改约；看其他科室请另行预约 / An appointment can only be moved within its department. For another department, please
 * book a new one.
 */
export class BookingOtherDepartment extends Conflict {
  declare readonly code: "booking.other_department";
}

/**
 * The person has stayed away too often and may not book before `until`; the ban can be read and appealed.
 * Patients read: 就诊人因多次爽约暂停预约，恢复时间见爽约记录；如有异议可提出申诉，急诊不受限制 / Too many missed visits: this patient may not book for
 * a while. You may appeal; emergencies are admitted.
 */
export class BookingPatientBanned extends Conflict {
  declare readonly code: "booking.patient_banned";
}

/**
 * The clinic's age or sex rule leaves this person out; `rule` names it. Patients read: 就诊人不符合该门诊的年龄或性别要求 / This
 * patient does not meet the clinic's age or sex requirement.
 */
export class BookingPatientNotEligible extends Conflict {
  declare readonly code: "booking.patient_not_eligible";
}

/**
 * No such patient, or not one that this client has registered. Patients read: 没有找到该就诊人，请先实名登记 / This patient
 * could not be found. Please register the patient first.
 */
export class BookingPatientNotFound extends NotFound {
  declare readonly code: "booking.patient_not_found";
}

/**
 * By the clinic's rule the fee is paid at the window or kiosk on the day. Patients read: 该预约的挂号费请就诊当日到窗口或自助机支付 /
 * Please pay the fee at the window or kiosk on the day of the visit.
 */
export class BookingPayAtWindow extends Conflict {
  declare readonly code: "booking.pay_at_window";
}

/**
 * By the clinic's rule the fee is paid first: hold the number, order the payment of the hold, and pay. Patients
 * read: 该号源需先支付挂号费：请先锁定号源并下单，支付成功后即预约成功 / The fee is paid first: hold the number, make an order for the hold and
 * pay it, and the number is yours.
 */
export class BookingPaymentRequired extends Conflict {
  declare readonly code: "booking.payment_required";
}

/**
 * The fee has just been paid and is being settled; in a moment the same can be asked again. Patients read:
 * 挂号费正在入账，请稍后再试 / The fee is just being settled. Please try again in a moment.
 */
export class BookingPaymentUnderWay extends Conflict {
  declare readonly code: "booking.payment_under_way";
}

/**
 * The appointment was moved as often as the hospital allows. Patients read: 该预约的改约次数已达上限 / This appointment has
 * been moved as often as is allowed.
 */
export class BookingRescheduleLimitReached extends Conflict {
  declare readonly code: "booking.reschedule_limit_reached";
}

/**
 * The appointment is in that slot already. Patients read: 改约的时段与原时段相同，请选择其他时段 / The appointment is already at
 * this time. Please choose another.
 */
export class BookingSameSlot extends Conflict {
  declare readonly code: "booking.same_slot";
}

/**
 * No such slot, or none that this channel may ever see. Patients read: 没有找到该就诊时段，请重新选择 / This appointment time
 * could not be found. Please choose another.
 */
export class BookingSlotNotFound extends NotFound {
  declare readonly code: "booking.slot_not_found";
}

/** The slot has begun. Patients read: 该时段已经开始，请选择其他时段 / This time has already begun. Please choose a later one. */
export class BookingSlotPast extends Conflict {
  declare readonly code: "booking.slot_past";
}

/**
 * Every seat that the channel may take is held or booked. Patients read: 该时段已约满，请选择其他时段 / This time is fully
 * booked. Please choose another.
 */
export class BookingSoldOut extends Conflict {
  declare readonly code: "booking.sold_out";
}

/**
 * A rush is on: numbers of this schedule are given out by turns, and the patient has none open. Patients read:
 * 该医生正在集中放号，请先排队取号，轮到您时再预约；排队不看网速，人人机会均等 / Numbers of this clinic are being given out in turn. Please join the
 * waiting room, and book when called.
 */
export class BookingTurnRequired extends Conflict {
  declare readonly code: "booking.turn_required";
}

/**
 * No such campus, department, rule ...; `entity` says what was looked for. Patients read: 没有找到该条目 / This entry
 * could not be found.
 */
export class CatalogueNotFound extends NotFound {
  declare readonly code: "catalogue.not_found";
}

/**
 * More days than one call takes. Patients read: 日期范围过长，或起止日期颠倒 / The range of dates is too long, or ends before
 * it begins.
 */
export class CatalogueRangeTooLong extends Unprocessable {
  declare readonly code: "catalogue.range_too_long";
}

/**
 * The ban was appealed against as often as the hospital allows. Patients read: 该限制预约的申诉次数已达上限 / This ban has
 * been appealed against as often as is allowed.
 */
export class FairnessAppealLimitReached extends Conflict {
  declare readonly code: "fairness.appeal_limit_reached";
}

/**
 * An appeal against this ban waits for a decision. Patients read: 已有一份申诉正在处理，请等待结果 / An appeal against this ban
 * is being looked at. Please wait for the decision.
 */
export class FairnessAppealOpen extends Conflict {
  declare readonly code: "fairness.appeal_open";
}

/**
 * The ban was lifted or has run out; `current_status` says which. Patients read: 该限制预约已解除或已到期 / This booking ban
 * has been lifted or has ended.
 */
export class FairnessBanNotActive extends Conflict {
  declare readonly code: "fairness.ban_not_active";
}

/**
 * No such ban, or not one of a patient whom this client has registered. Patients read: 没有找到该限制预约记录 / This
 * booking ban could not be found.
 */
export class FairnessBanNotFound extends NotFound {
  declare readonly code: "fairness.ban_not_found";
}

/**
 * A partner asked to book in spite of a ban, which only the hospital's own staff may decide. Patients read:
 * 只有医院工作人员可以为限制预约的就诊人挂号 / Only the hospital's staff may book in spite of a ban.
 */
export class FairnessPassForStaffOnly extends Forbidden {
  declare readonly code: "fairness.pass_for_staff_only";
}

/**
 * The application may not call from this address. Patients read: 该应用不允许从此网络地址访问 / This application may not be
 * used from this network address.
 */
export class GatewayAddressNotAllowed extends Forbidden {
  declare readonly code: "gateway.address_not_allowed";
}

/**
 * The hospital has stopped this application; its registration says why. Patients read: 该应用已被医院停用，请联系医院 / The
 * hospital has stopped this application. Please contact the hospital.
 */
export class GatewayApplicationStopped extends Forbidden {
  declare readonly code: "gateway.application_stopped";
}

/**
 * Requests of this class are not served while they cannot be counted; nothing was done. Patients read:
 * 系统繁忙，请稍后再试 / The service is busy. Please try again in a moment.
 */
export class GatewayLimitsUnavailable extends Unavailable {
  declare readonly code: "gateway.limits_unavailable";
}

/**
 * The application has used up what it may ask for within 24 hours; Retry-After says when there is room again.
 * Patients read: 该应用今日的调用额度已用完 / This application has used up its daily quota.
 */
export class GatewayQuotaUsedUp extends TooManyRequests {
  declare readonly code: "gateway.quota_used_up";
}

/**
 * Too many requests in the window that `policy` names; Retry-After says when there is room again. Patients read:
 * 请求过于频繁，请稍后再试 / Too many requests. Please try again in a moment.
 */
export class GatewayRateLimited extends TooManyRequests {
  declare readonly code: "gateway.rate_limited";
}

/**
 * The signature is not this application's over this very request, or not of these five minutes. Patients read:
 * 请求签名无效或已过期 / The request's signature is not valid or too old.
 */
export class GatewaySignatureInvalid extends Forbidden {
  declare readonly code: "gateway.signature_invalid";
}

/** The nonce of the signature was used before. Patients read: 该签名请求已被使用 / This signed request was used before. */
export class GatewaySignatureReplayed extends Forbidden {
  declare readonly code: "gateway.signature_replayed";
}

/**
 * Requests of this application have to be signed, and this one is not. Patients read: 该应用的请求须以 SM2 签名 / Requests
 * of this application have to be signed with SM2.
 */
export class GatewaySignatureRequired extends Forbidden {
  declare readonly code: "gateway.signature_required";
}

/**
 * What the HIS tells does not fit what stands here yet; something earlier may be on its way. Patients read:
 * 与医院信息系统的数据暂不一致，正在核对 / This does not yet agree with the hospital information system; it is being checked.
 */
export class HisDisagrees extends Conflict {
  declare readonly code: "his.disagrees";
}

/**
 * The core HIS cannot be reached, or did not answer in time. Patients read: 医院信息系统暂时无法连接，您的预约不受影响 / The hospital
 * information system cannot be reached right now. Bookings are not affected.
 */
export class HisUnavailable extends Unavailable {
  declare readonly code: "his.unavailable";
}

/**
 * The key was used before with another request; `field` names what differs. Patients read: 该幂等键已用于内容不同的请求 / This
 * idempotency key was used before with a different request.
 */
export class IdempotencyMismatch extends Conflict {
  declare readonly code: "idempotency.mismatch";
}

/**
 * Two transactions stood in each other's way and this one gave way; nothing was changed. Patients read:
 * 系统繁忙，请稍后再试 / The service is busy. Please try again in a moment.
 */
export class KernelDatabaseBusy extends Unavailable {
  declare readonly code: "kernel.database_busy";
}

/**
 * PostgreSQL is out of reach; nothing was changed, or it is not known whether it was. Patients read: 系统繁忙，请稍后再试
 * / The service is busy. Please try again in a moment.
 */
export class KernelDatabaseUnavailable extends Unavailable {
  declare readonly code: "kernel.database_unavailable";
}

/**
 * Something we need is out of reach for now; the same request may succeed later. Patients read: 系统繁忙，请稍后再试 / The
 * service is busy. Please try again in a moment.
 */
export class KernelUnavailable extends Unavailable {
  declare readonly code: "kernel.unavailable";
}

/**
 * The token does not carry the scope that the operation needs. Patients read: 该应用没有此项权限 / This application has
 * not been granted the scope that this needs.
 */
export class OauthInsufficientScope extends Forbidden {
  declare readonly code: "oauth.insufficient_scope";
}

/**
 * No bearer token, or one that is forged, expired, or of a client that was suspended (RFC 6750 section 3.1).
 * Patients read: 访问令牌无效或已过期 / The access token is missing, invalid or expired.
 */
export class OauthInvalidToken extends Unauthenticated {
  declare readonly code: "oauth.invalid_token";
}

/**
 * An internal application changed something without naming the member of staff (`Acting-Staff`). Patients read:
 * 请在请求头 Acting-Staff 中填写经办人工号 / Give the code of the member of staff you act for in the Acting-Staff header.
 */
export class OauthStaffRequired extends Forbidden {
  declare readonly code: "oauth.staff_required";
}

/**
 * Nobody with this staff code works here. Patients read: 经办人不存在或已离职 / There is no member of staff with this
 * code, or they have left.
 */
export class OauthStaffUnknown extends Forbidden {
  declare readonly code: "oauth.staff_unknown";
}

/**
 * The number tells another birth date or sex than what was given. Patients read: 出生日期或性别与证件号码不一致，请核对 / The birth
 * date or sex does not agree with the document number. Please check them.
 */
export class PatientsDocumentDisagrees extends Unprocessable {
  declare readonly code: "patients.document_disagrees";
}

/**
 * The document's number cannot be one of its type; `rule` names what is wrong. Patients read: 证件号码不正确，请核对 / The
 * document number is not valid. Please check it.
 */
export class PatientsInvalidDocument extends Unprocessable {
  declare readonly code: "patients.invalid_document";
}

/**
 * The document is registered, under another name. Patients read: 姓名与该证件已登记的姓名不一致，请核对 / The name does not agree
 * with the one registered for this document. Please check it.
 */
export class PatientsNameMismatch extends Conflict {
  declare readonly code: "patients.name_mismatch";
}

/**
 * No such patient, or not one that this client has registered. Patients read: 没有找到该就诊人 / This patient could not
 * be found.
 */
export class PatientsNotFound extends NotFound {
  declare readonly code: "patients.not_found";
}

/**
 * No such payment, or not of one of this client's orders. Patients read: 没有找到该支付记录 / This payment could not be
 * found.
 */
export class PaymentsAttemptNotFound extends NotFound {
  declare readonly code: "payments.attempt_not_found";
}

/**
 * Another order for this bill may be paid, or is. Patients read: 该费用单已有待支付或已支付的订单 / There is already an order
 * for this bill.
 */
export class PaymentsBillAlreadyOrdered extends Conflict {
  declare readonly code: "payments.bill_already_ordered";
}

/**
 * The bill has changed since the payer saw it. Patients read: 费用单内容已变更，请重新确认后再缴费 / This bill has changed. Please
 * look at it again before paying.
 */
export class PaymentsBillChanged extends Conflict {
  declare readonly code: "payments.bill_changed";
}

/** The HIS has no such bill of this person. Patients read: 没有找到该费用单 / This bill could not be found. */
export class PaymentsBillNotFound extends NotFound {
  declare readonly code: "payments.bill_not_found";
}

/**
 * The bill is paid or withdrawn; `current_status` says which. Patients read: 该费用单已缴费或已撤销 / This bill has been
 * paid or withdrawn.
 */
export class PaymentsBillNotUnpaid extends Conflict {
  declare readonly code: "payments.bill_not_unpaid";
}

/** This campus takes no money by this channel. Patients read: 该院区暂不支持此支付方式 / This way to pay is not offered here. */
export class PaymentsChannelNotOffered extends Conflict {
  declare readonly code: "payments.channel_not_offered";
}

/**
 * The channel does not answer; the same request may be made again with the same key. Patients read:
 * 支付渠道暂时没有响应，请稍后重试或更换支付方式 / The payment channel does not answer. Please try again, or pay in another way.
 */
export class PaymentsChannelSilent extends Unavailable {
  declare readonly code: "payments.channel_silent";
}

/**
 * The hospital takes no such deposit; the bounds say what it takes. Patients read: 预交金金额超出允许范围 / A deposit of
 * this amount is not taken.
 */
export class PaymentsDepositOutOfBounds extends Conflict {
  declare readonly code: "payments.deposit_out_of_bounds";
}

/**
 * The hospital has no account with the insurance's centre here. Patients read: 暂不支持医保支付 / Paying with medical
 * insurance is not offered here.
 */
export class PaymentsInsuranceNotOffered extends Conflict {
  declare readonly code: "payments.insurance_not_offered";
}

/**
 * The insurance has a part in nothing of this bill; it is ordered without. Patients read: 本次费用医保不予支付，请自费缴费 / The
 * insurance pays nothing of this bill. Please pay without it.
 */
export class PaymentsInsurancePaysNothing extends Conflict {
  declare readonly code: "payments.insurance_pays_nothing";
}

/**
 * The insurance will not share this bill; `channel_code` is its centre's own word. Patients read:
 * 医保中心未受理本次结算，可自费缴费 / The insurance has refused this bill. It can be paid without.
 */
export class PaymentsInsuranceRefused extends Conflict {
  declare readonly code: "payments.insurance_refused";
}

/**
 * The insurance's centre has not answered; nothing is ordered, and the same may be asked again. Patients read:
 * 医保中心暂时没有响应，请稍后重试或自费缴费 / The insurance does not answer. Please try again, or pay without it.
 */
export class PaymentsInsuranceSilent extends Unavailable {
  declare readonly code: "payments.insurance_silent";
}

/**
 * The item is not of this order, or its refund was asked for before. Patients read: 该项目不能退费或已申请退费 / This item
 * cannot be refunded, or its refund was asked for already.
 */
export class PaymentsItemNotRefundable extends Conflict {
  declare readonly code: "payments.item_not_refundable";
}

/**
 * The hospital knows no insurance of this person, or no resident identity number to look for one by. Patients
 * read: 未查询到该就诊人的医保信息，请到窗口登记或自费缴费 / No insurance of this patient is known. Please register it at the window, or
 * pay without.
 */
export class PaymentsNotInsured extends Conflict {
  declare readonly code: "payments.not_insured";
}

/**
 * Nothing of this order can go back as it stands; `current_status` says why. Patients read: 该订单当前不能退款 / This
 * order cannot be refunded as it stands.
 */
export class PaymentsNotRefundable extends Conflict {
  declare readonly code: "payments.not_refundable";
}

/** There is nothing to pay. Patients read: 没有需要支付的金额 / There is nothing to pay. */
export class PaymentsNothingToPay extends Conflict {
  declare readonly code: "payments.nothing_to_pay";
}

/**
 * Too little time is left to pay; `expires_at` is the end. Patients read: 订单即将超时，不能再发起支付 / This order is about
 * to end and can no longer be paid.
 */
export class PaymentsOrderEnding extends Conflict {
  declare readonly code: "payments.order_ending";
}

/** No such order, or not one of this client's. Patients read: 没有找到该订单 / This order could not be found. */
export class PaymentsOrderNotFound extends NotFound {
  declare readonly code: "payments.order_not_found";
}

/**
 * The order is paid, closed or being closed; `current_status` says which. Patients read: 该订单已支付、已关闭或正在关闭 / This
 * order has been paid or closed.
 */
export class PaymentsOrderNotOpen extends Conflict {
  declare readonly code: "payments.order_not_open";
}

/**
 * The HIS has not told its record number of this person yet; it is being asked. Patients read:
 * 正在与医院核对就诊人档案，请稍后再试 / The hospital's record of this patient is being looked up. Please try again in a moment.
 */
export class PaymentsPatientNotLinked extends Unavailable {
  declare readonly code: "payments.patient_not_linked";
}

/**
 * The pay code is asked for too often. Patients read: 操作过于频繁，请稍后再试 / This pay code is being used too often.
 * Please wait a moment.
 */
export class PaymentsPayCodeBusy extends TooManyRequests {
  declare readonly code: "payments.pay_code_busy";
}

/**
 * The pay code was used, revoked or is too old; `reason` says which. Patients read: 代付链接已失效 / This pay code is
 * no longer valid.
 */
export class PaymentsPayCodeEnded extends Conflict {
  declare readonly code: "payments.pay_code_ended";
}

/** No such pay code, or not one of this caller's. Patients read: 代付链接无效 / This pay code is not valid. */
export class PaymentsPayCodeNotFound extends NotFound {
  declare readonly code: "payments.pay_code_not_found";
}

/**
 * A mini-program pays for a payer whom its channel knows; none was named. Patients read: 缺少支付者标识 / The payer's
 * id with the channel is needed.
 */
export class PaymentsPayerRequired extends Unprocessable {
  declare readonly code: "payments.payer_required";
}

/**
 * A registration fee goes back when the appointment is cancelled, by the clinic's rule. Patients read:
 * 挂号费随取消预约按规则原路退回，请取消该预约 / The fee goes back when the appointment is cancelled. Please cancel it.
 */
export class PaymentsRefundByCancelling extends Conflict {
  declare readonly code: "payments.refund_by_cancelling";
}

/**
 * The channel takes no further refund of this payment; `limit` names the rule. Patients read:
 * 该笔支付已超过渠道允许的退款次数或期限 / The channel no longer refunds this payment.
 */
export class PaymentsRefundLimitPassed extends Conflict {
  declare readonly code: "payments.refund_limit_passed";
}

/** No such refund, or not one of this client's. Patients read: 没有找到该退款记录 / This refund could not be found. */
export class PaymentsRefundNotFound extends NotFound {
  declare readonly code: "payments.refund_not_found";
}

/**
 * The insurance's part goes back whole: what it has a share in is refunded with all that is left of the order.
 * Patients read: 医保结算的项目需整单退费 / What the insurance has shared is refunded together, with all that is left of the
 * order.
 */
export class PaymentsRefundedTogether extends Conflict {
  declare readonly code: "payments.refunded_together";
}

/**
 * The channel will not take this payment; `channel_code` is its own word. Patients read: 支付渠道拒绝了本次支付，请更换支付方式 /
 * The payment channel refused. Please pay in another way.
 */
export class PaymentsRefusedByChannel extends Conflict {
  declare readonly code: "payments.refused_by_channel";
}

/** This person has no such stay in hospital. Patients read: 没有找到住院记录 / No such stay in hospital could be found. */
export class PaymentsStayNotFound extends NotFound {
  declare readonly code: "payments.stay_not_found";
}

/**
 * The stay is at another stage; `current_status` says at which. Patients read: 当前住院状态不能办理此业务 / This cannot be
 * done at this stage of the stay.
 */
export class PaymentsStayNotOpen extends Conflict {
  declare readonly code: "payments.stay_not_open";
}

/**
 * There is an order for the same thing that is open, being paid or paid. Patients read: 该项目已有未完成或已支付的订单 / There
 * is already an order for this that is open or paid.
 */
export class PaymentsSubjectAlreadyOrdered extends Conflict {
  declare readonly code: "payments.subject_already_ordered";
}

/**
 * The order was tried to be paid as often as is allowed. Patients read: 该订单的支付尝试次数已达上限，请重新下单 / This order has
 * been tried too often. Please begin anew.
 */
export class PaymentsTooManyAttempts extends Conflict {
  declare readonly code: "payments.too_many_attempts";
}

/**
 * The order has as many pay codes as are allowed. Patients read: 该订单的代付链接已达上限 / This order has as many pay codes
 * as are allowed.
 */
export class PaymentsTooManyPayCodes extends Conflict {
  declare readonly code: "payments.too_many_pay_codes";
}

/**
 * The person is in the queue already; `entry_id` says where, to whoever may read it. Patients read: 您已签到，请留意叫号 /
 * You have already checked in. Please wait to be called.
 */
export class QueueAlreadyCheckedIn extends Conflict {
  declare readonly code: "queue.already_checked_in";
}

/**
 * It is too late to check in by the clinic's rule; `closed_at` says until when it was possible. Patients read:
 * 已过签到时间，请到分诊台处理 / It is too late to check in. Please go to the triage desk.
 */
export class QueueCheckInClosed extends Conflict {
  declare readonly code: "queue.check_in_closed";
}

/**
 * It is too early to check in by the clinic's rule; `opens_at` says from when. Patients read: 还未到签到时间，请稍后再签到 /
 * It is too early to check in. Please try again later.
 */
export class QueueCheckInNotOpen extends Conflict {
  declare readonly code: "queue.check_in_not_open";
}

/**
 * The check-in code was good for two minutes, and they are over. Patients read: 签到码已过期，请刷新后再扫 / This check-in
 * code has expired. Please refresh it and scan again.
 */
export class QueueCodeExpired extends Conflict {
  declare readonly code: "queue.code_expired";
}

/**
 * The check-in code is not one that we gave. Patients read: 签到码无效，请重新获取 / This check-in code is not valid.
 * Please get a new one.
 */
export class QueueCodeInvalid extends Conflict {
  declare readonly code: "queue.code_invalid";
}

/**
 * No such place in a queue, or not one of this client's. Patients read: 没有找到该候诊记录 / This place in the queue
 * could not be found.
 */
export class QueueEntryNotFound extends NotFound {
  declare readonly code: "queue.entry_not_found";
}

/**
 * Only a member of staff who has seen the patient may give priority or call it an emergency. Patients read:
 * 优先就诊标识须由工作人员现场核实 / Priority is given by a member of staff at the hospital.
 */
export class QueueFlagsStaffOnly extends Forbidden {
  declare readonly code: "queue.flags_staff_only";
}

/**
 * Nobody travels as fast as from this person's last place to this one. Patients read: 定位信息异常，请使用自助机或到分诊台签到 /
 * Your location looks wrong. Please use a kiosk or go to the triage desk.
 */
export class QueuePlaceImpossible extends Conflict {
  declare readonly code: "queue.place_impossible";
}

/**
 * The phone does not know well enough where it is. Patients read: 定位精度不足，请到室外或窗边重试，或使用自助机签到 / Your location is
 * not accurate enough. Try again near a window, or use a kiosk.
 */
export class QueuePlaceInaccurate extends Conflict {
  declare readonly code: "queue.place_inaccurate";
}

/**
 * The phone says that an application invents its place. Patients read: 检测到模拟定位，请关闭后重试，或使用自助机签到 / Your phone
 * reports a simulated location. Please switch it off, or use a kiosk.
 */
export class QueuePlaceMocked extends Conflict {
  declare readonly code: "queue.place_mocked";
}

/**
 * The place was measured too long ago, or in the future. Patients read: 定位信息已过时，请重新定位后再签到 / Your location is out
 * of date. Please locate again and check in.
 */
export class QueuePlaceOutdated extends Conflict {
  declare readonly code: "queue.place_outdated";
}

/**
 * The very same measurement was sent before, by another application or for too many people. Patients read:
 * 该定位信息已被使用，请重新定位，或使用自助机签到 / This location was used before. Please locate again, or use a kiosk.
 */
export class QueuePlaceReplayed extends Conflict {
  declare readonly code: "queue.place_replayed";
}

/**
 * The phone is farther from the campus than the clinic's rule allows. Patients read: 您还不在院区范围内，请到院后再签到 / You are
 * not at the hospital yet. Please check in when you have arrived.
 */
export class QueuePlaceTooFar extends Conflict {
  declare readonly code: "queue.place_too_far";
}

/**
 * This process serves as many live views as it may; another one will do. Patients read: 当前查看人数较多，请稍后再试 / Many
 * people are watching. Please try again in a moment.
 */
export class QueueTooManyWatchers extends Unavailable {
  declare readonly code: "queue.too_many_watchers";
}

/**
 * This application may not check people in this way: only the hospital's own stand beside the patient. Patients
 * read: 该应用不能以此方式签到，请使用定位签到或到院扫码 / This application cannot check in this way. Please check in by place, or scan
 * your code at the hospital.
 */
export class QueueWayNotAllowed extends Forbidden {
  declare readonly code: "queue.way_not_allowed";
}

/**
 * Our own fault; the request id finds it in the logs. Patients read: 系统出错，请稍后再试 / Something went wrong on our
 * side. Please try again later.
 */
export class RequestInternalError extends ServerError {
  declare readonly code: "request.internal_error";
}

/**
 * The cursor is not one that we gave for this list. Patients read: 翻页游标无效，请从第一页重新读取 / The cursor is not one of
 * this list. Please start again from the first page.
 */
export class RequestInvalidCursor extends BadRequest {
  declare readonly code: "request.invalid_cursor";
}

/**
 * The key is empty, too long, or has other than visible ASCII characters. Patients read: 幂等键须为 1 至 128 个可见的
 * ASCII 字符 / An idempotency key has 1 to 128 visible ASCII characters.
 */
export class RequestInvalidIdempotencyKey extends BadRequest {
  declare readonly code: "request.invalid_idempotency_key";
}

/**
 * The body is not a JSON object in UTF-8. Patients read: 请求无法解析；请求体须为 UTF-8 编码的 JSON 对象 / The request could not
 * be read. A body is a JSON object in UTF-8.
 */
export class RequestMalformed extends BadRequest {
  declare readonly code: "request.malformed";
}

/** There is nothing at this address. Patients read: 接口地址不存在 / There is nothing at this address. */
export class RequestNotFound extends NotFound {
  declare readonly code: "request.not_found";
}

/**
 * The request breaks its schema; `violations` says where. Patients read: 请求内容不符合接口定义，详见 violations / The request
 * does not fit its schema; violations says where.
 */
export class RequestSchemaViolation extends Unprocessable {
  declare readonly code: "request.schema_violation";
}

/** The request is larger than we read. Patients read: 请求内容过大 / The request is too large. */
export class RequestTooLarge extends BadRequest {
  declare readonly code: "request.too_large";
}

/**
 * The body is not sent as application/json. Patients read: 请以 application/json 提交 / Send the body as
 * application/json.
 */
export class RequestUnsupportedMediaType extends BadRequest {
  declare readonly code: "request.unsupported_media_type";
}

/**
 * The application must name the device it joins from (`Device-Id`). Patients read: 应用未提供设备标识，请更新应用后再试 / The
 * application did not name its device. Please update the application.
 */
export class RushDeviceRequired extends Unprocessable {
  declare readonly code: "rush.device_required";
}

/**
 * The line is longer than could ever be served, by far. Patients read: 排队人数已满，请选择其他医生或候补 / This line is full.
 * Please choose another doctor, or the waitlist.
 */
export class RushFull extends Conflict {
  declare readonly code: "rush.full";
}

/**
 * The person has a place by way of another application: one place each. Patients read: 就诊人已通过其他渠道排队，每人只有一个位置 /
 * This patient has joined through another application. Everybody has one place.
 */
export class RushJoinedElsewhere extends Conflict {
  declare readonly code: "rush.joined_elsewhere";
}

/**
 * The person waits before as many clinics of this release as the hospital allows. Patients read: 就诊人同时排队的门诊数已达上限
 * / This patient is waiting for as many clinics as is allowed at one time.
 */
export class RushLimitReached extends Conflict {
  declare readonly code: "rush.limit_reached";
}

/**
 * No such schedule or rush, or none of which this channel ever gets seats. Patients read: 没有找到该门诊的排队 / This
 * waiting room could not be found.
 */
export class RushNotFound extends NotFound {
  declare readonly code: "rush.not_found";
}

/**
 * There is no waiting room before this schedule (any more): it is booked as any other. Patients read:
 * 该门诊无需排队，请直接预约 / There is no waiting room for this clinic. Please book as usual.
 */
export class RushNotNeeded extends Conflict {
  declare readonly code: "rush.not_needed";
}

/**
 * Joining begins at `joins_at`; who joins then or later, until the release, has the same chance. Patients read:
 * 排队尚未开始；放号前任何时刻加入，机会都相同 / The waiting room is not open yet. Joining at any time before the release gives the
 * same chance.
 */
export class RushNotOpen extends Conflict {
  declare readonly code: "rush.not_open";
}

/**
 * The ticket was used, has passed or was given up; `current_status` says which. Patients read: 该排队凭证已结束 / This
 * ticket has ended.
 */
export class RushTicketEnded extends Conflict {
  declare readonly code: "rush.ticket_ended";
}

/** No such ticket, or not one of this client's. Patients read: 没有找到该排队凭证 / This ticket could not be found. */
export class RushTicketNotFound extends NotFound {
  declare readonly code: "rush.ticket_not_found";
}

/**
 * The application joins faster than is allowed; asking again in a second loses nothing before the release.
 * Patients read: 当前加入排队的人数较多，请稍后再试；放号前加入机会相同 / Many people are joining. Please try again in a moment: until the
 * release nothing is lost.
 */
export class RushTooManyJoins extends TooManyRequests {
  declare readonly code: "rush.too_many_joins";
}

/**
 * The fault is over; `current_status` says how: used_up, cancelled or ended. Patients read: 该模拟故障已结束 / This
 * fault has ended already.
 */
export class SandboxFaultEnded extends Conflict {
  declare readonly code: "sandbox.fault_ended";
}

/**
 * A field is missing, or means nothing with this kind of fault; `field` names it. Patients read: 模拟故障的参数与其类型不符 /
 * A field does not fit this kind of fault.
 */
export class SandboxFaultInvalid extends Unprocessable {
  declare readonly code: "sandbox.fault_invalid";
}

/**
 * The application has as many faults of this kind waiting, or has asked for as many today, as it may: `limit`.
 * Patients read: 模拟故障的数量已达上限 / The application has as many faults as it may have.
 */
export class SandboxFaultLimitReached extends Conflict {
  declare readonly code: "sandbox.fault_limit_reached";
}

/**
 * No such fault, or not one of this application; old ones are forgotten. Patients read: 没有找到该模拟故障 / This fault
 * could not be found.
 */
export class SandboxFaultNotFound extends NotFound {
  declare readonly code: "sandbox.fault_not_found";
}

/**
 * Everything that shall be stopped is stopped by another order; `stop_id` names it. Patients read: 该出诊或时段已在停诊处理中
 * / This clinic or time has been stopped already.
 */
export class StopsAlreadyStopped extends Conflict {
  declare readonly code: "stops.already_stopped";
}

/**
 * No such stop order, or the appointment is not touched by any. Patients read: 没有找到该停诊记录 / This stop could not
 * be found.
 */
export class StopsNotFound extends NotFound {
  declare readonly code: "stops.not_found";
}

/**
 * The offer's time is over, or it was answered; `current_status` says which. Patients read: 改约选择已截止或已处理 / This
 * offer has ended or was answered already.
 */
export class StopsOfferEnded extends Conflict {
  declare readonly code: "stops.offer_ended";
}

/**
 * No offer was made for this appointment, or it is not one of this client's. Patients read: 该预约没有待选择的改约方案 /
 * There is no offer for this appointment.
 */
export class StopsOfferNotFound extends NotFound {
  declare readonly code: "stops.offer_not_found";
}

/**
 * What was stopped has begun, or another practitioner gives the clinic. Patients read: 停诊时段已开始或已安排替诊，不能恢复出诊 /
 * The clinic can no longer be restarted: its time has begun, or a substitute gives it.
 */
export class StopsRestartTooLate extends Conflict {
  declare readonly code: "stops.restart_too_late";
}

/**
 * The order is not in a state that allows this; `current_status` says where it is. Patients read: 该停诊的当前状态不允许此操作
 * / The stop is not in a state that allows this.
 */
export class StopsStatusConflict extends Conflict {
  declare readonly code: "stops.status_conflict";
}

/**
 * The person waits for this already; `entry_id` is the entry. Patients read: 就诊人已在该候补队列中 / This patient is
 * already on this waitlist.
 */
export class WaitlistAlreadyWaiting extends Conflict {
  declare readonly code: "waitlist.already_waiting";
}

/**
 * It is too shortly before the clinic; `closed_at` says when its list closed. Patients read: 该门诊的候补已截止 / The
 * waitlist of this clinic is closed.
 */
export class WaitlistClosed extends Conflict {
  declare readonly code: "waitlist.closed";
}

/**
 * The days lie in the past or before one another, or are too many. Patients read: 候补日期不正确：须从今天起，且天数不超过上限 / These
 * days cannot be waited for: they must be coming, and not too many.
 */
export class WaitlistDatesInvalid extends Unprocessable {
  declare readonly code: "waitlist.dates_invalid";
}

/**
 * The entry was taken, closed, withdrawn, or its time is over; `current_status` says which. Patients read:
 * 该候补已结束 / This waitlist entry has ended.
 */
export class WaitlistEntryEnded extends Conflict {
  declare readonly code: "waitlist.entry_ended";
}

/** No such entry, or not one of this client's. Patients read: 没有找到该候补记录 / This waitlist entry could not be found. */
export class WaitlistEntryNotFound extends NotFound {
  declare readonly code: "waitlist.entry_not_found";
}

/**
 * The person waits for as many things as the hospital allows; 0 where a clinic has no waitlist. Patients read:
 * 就诊人的候补数量已达上限 / This patient is on as many waitlists as is allowed.
 */
export class WaitlistLimitReached extends Conflict {
  declare readonly code: "waitlist.limit_reached";
}

/**
 * The offer was answered already or its time is over; `current_status` says which. Patients read: 该候补号源已过期或已处理 /
 * This offer has ended.
 */
export class WaitlistOfferEnded extends Conflict {
  declare readonly code: "waitlist.offer_ended";
}

/** No such offer, or not one of this client's. Patients read: 没有找到该候补号源 / This offer could not be found. */
export class WaitlistOfferNotFound extends NotFound {
  declare readonly code: "waitlist.offer_not_found";
}

/**
 * Only the hospital's own staff may put somebody on the list as urgent. Patients read: 优先候补只能由医院工作人员登记 / Only
 * hospital staff may add somebody to the waitlist as urgent.
 */
export class WaitlistPriorityNotAllowed extends Forbidden {
  declare readonly code: "waitlist.priority_not_allowed";
}

/**
 * Nobody has to wait: there are numbers to be had; `schedule_id` names where. Patients read: 目前仍有号源，请直接预约 /
 * There are numbers available. Please book one directly.
 */
export class WaitlistSeatsAvailable extends Conflict {
  declare readonly code: "waitlist.seats_available";
}

/**
 * No such schedule, practitioner or department, or none of which this channel ever gets seats. Patients read:
 * 没有找到要候补的门诊、医生或科室 / The clinic, doctor or department to wait for could not be found.
 */
export class WaitlistTargetNotFound extends NotFound {
  declare readonly code: "waitlist.target_not_found";
}

/**
 * Nothing is sent to such an address; `reason` says why: form, scheme, host, port or not_public. Patients read:
 * 该推送地址不可用：须为公网可访问的 https 地址 / This address cannot be used: it must be an https address that is reachable in
 * public.
 */
export class WebhooksAddressRefused extends Unprocessable {
  declare readonly code: "webhooks.address_refused";
}

/**
 * No such delivery, or not one of this application; old ones are forgotten. Patients read: 没有找到该推送记录 / This
 * delivery could not be found.
 */
export class WebhooksDeliveryNotFound extends NotFound {
  declare readonly code: "webhooks.delivery_not_found";
}

/** The delivery is still being tried by itself. Patients read: 该推送仍在自动重试中 / This delivery is still being tried. */
export class WebhooksDeliveryPending extends Conflict {
  declare readonly code: "webhooks.delivery_pending";
}

/**
 * The application has as many endpoints as it may; `limit` says how many. Patients read: 推送地址数量已达上限 / The
 * application has as many webhook endpoints as it may have.
 */
export class WebhooksLimitReached extends Conflict {
  declare readonly code: "webhooks.limit_reached";
}

/**
 * No such endpoint, or not one of this application. Patients read: 没有找到该推送地址 / This webhook endpoint could not
 * be found.
 */
export class WebhooksNotFound extends NotFound {
  declare readonly code: "webhooks.not_found";
}

/**
 * The endpoint's present status does not allow it; `current_status` says which that is. Patients read:
 * 推送地址当前状态不允许该操作 / The present status of the endpoint does not allow that.
 */
export class WebhooksStatusConflict extends Conflict {
  declare readonly code: "webhooks.status_conflict";
}

/** The class of each code; a code that is not here has the class of its status. */
export const BY_CODE: ReadonlyMap<string, ProblemClass> = new Map<string, ProblemClass>([
  ["booking.already_booked", BookingAlreadyBooked],
  ["booking.already_held", BookingAlreadyHeld],
  ["booking.appointment_not_active", BookingAppointmentNotActive],
  ["booking.appointment_not_found", BookingAppointmentNotFound],
  ["booking.cancel_deadline_passed", BookingCancelDeadlinePassed],
  ["booking.contended", BookingContended],
  ["booking.daily_limit_reached", BookingDailyLimitReached],
  ["booking.fee_differs", BookingFeeDiffers],
  ["booking.feed_cursor_expired", BookingFeedCursorExpired],
  ["booking.follow_up_not_allowed", BookingFollowUpNotAllowed],
  ["booking.follow_up_not_due", BookingFollowUpNotDue],
  ["booking.follow_up_used", BookingFollowUpUsed],
  ["booking.follow_up_window_passed", BookingFollowUpWindowPassed],
  ["booking.hold_ended", BookingHoldEnded],
  ["booking.hold_not_found", BookingHoldNotFound],
  ["booking.holds_paused", BookingHoldsPaused],
  ["booking.limit_reached", BookingLimitReached],
  ["booking.not_released", BookingNotReleased],
  ["booking.nothing_to_pay", BookingNothingToPay],
  ["booking.other_department", BookingOtherDepartment],
  ["booking.patient_banned", BookingPatientBanned],
  ["booking.patient_not_eligible", BookingPatientNotEligible],
  ["booking.patient_not_found", BookingPatientNotFound],
  ["booking.pay_at_window", BookingPayAtWindow],
  ["booking.payment_required", BookingPaymentRequired],
  ["booking.payment_under_way", BookingPaymentUnderWay],
  ["booking.reschedule_limit_reached", BookingRescheduleLimitReached],
  ["booking.same_slot", BookingSameSlot],
  ["booking.slot_not_found", BookingSlotNotFound],
  ["booking.slot_past", BookingSlotPast],
  ["booking.sold_out", BookingSoldOut],
  ["booking.turn_required", BookingTurnRequired],
  ["catalogue.not_found", CatalogueNotFound],
  ["catalogue.range_too_long", CatalogueRangeTooLong],
  ["fairness.appeal_limit_reached", FairnessAppealLimitReached],
  ["fairness.appeal_open", FairnessAppealOpen],
  ["fairness.ban_not_active", FairnessBanNotActive],
  ["fairness.ban_not_found", FairnessBanNotFound],
  ["fairness.pass_for_staff_only", FairnessPassForStaffOnly],
  ["gateway.address_not_allowed", GatewayAddressNotAllowed],
  ["gateway.application_stopped", GatewayApplicationStopped],
  ["gateway.limits_unavailable", GatewayLimitsUnavailable],
  ["gateway.quota_used_up", GatewayQuotaUsedUp],
  ["gateway.rate_limited", GatewayRateLimited],
  ["gateway.signature_invalid", GatewaySignatureInvalid],
  ["gateway.signature_replayed", GatewaySignatureReplayed],
  ["gateway.signature_required", GatewaySignatureRequired],
  ["his.disagrees", HisDisagrees],
  ["his.unavailable", HisUnavailable],
  ["idempotency.mismatch", IdempotencyMismatch],
  ["kernel.database_busy", KernelDatabaseBusy],
  ["kernel.database_unavailable", KernelDatabaseUnavailable],
  ["kernel.unavailable", KernelUnavailable],
  ["oauth.insufficient_scope", OauthInsufficientScope],
  ["oauth.invalid_token", OauthInvalidToken],
  ["oauth.staff_required", OauthStaffRequired],
  ["oauth.staff_unknown", OauthStaffUnknown],
  ["patients.document_disagrees", PatientsDocumentDisagrees],
  ["patients.invalid_document", PatientsInvalidDocument],
  ["patients.name_mismatch", PatientsNameMismatch],
  ["patients.not_found", PatientsNotFound],
  ["payments.attempt_not_found", PaymentsAttemptNotFound],
  ["payments.bill_already_ordered", PaymentsBillAlreadyOrdered],
  ["payments.bill_changed", PaymentsBillChanged],
  ["payments.bill_not_found", PaymentsBillNotFound],
  ["payments.bill_not_unpaid", PaymentsBillNotUnpaid],
  ["payments.channel_not_offered", PaymentsChannelNotOffered],
  ["payments.channel_silent", PaymentsChannelSilent],
  ["payments.deposit_out_of_bounds", PaymentsDepositOutOfBounds],
  ["payments.insurance_not_offered", PaymentsInsuranceNotOffered],
  ["payments.insurance_pays_nothing", PaymentsInsurancePaysNothing],
  ["payments.insurance_refused", PaymentsInsuranceRefused],
  ["payments.insurance_silent", PaymentsInsuranceSilent],
  ["payments.item_not_refundable", PaymentsItemNotRefundable],
  ["payments.not_insured", PaymentsNotInsured],
  ["payments.not_refundable", PaymentsNotRefundable],
  ["payments.nothing_to_pay", PaymentsNothingToPay],
  ["payments.order_ending", PaymentsOrderEnding],
  ["payments.order_not_found", PaymentsOrderNotFound],
  ["payments.order_not_open", PaymentsOrderNotOpen],
  ["payments.patient_not_linked", PaymentsPatientNotLinked],
  ["payments.pay_code_busy", PaymentsPayCodeBusy],
  ["payments.pay_code_ended", PaymentsPayCodeEnded],
  ["payments.pay_code_not_found", PaymentsPayCodeNotFound],
  ["payments.payer_required", PaymentsPayerRequired],
  ["payments.refund_by_cancelling", PaymentsRefundByCancelling],
  ["payments.refund_limit_passed", PaymentsRefundLimitPassed],
  ["payments.refund_not_found", PaymentsRefundNotFound],
  ["payments.refunded_together", PaymentsRefundedTogether],
  ["payments.refused_by_channel", PaymentsRefusedByChannel],
  ["payments.stay_not_found", PaymentsStayNotFound],
  ["payments.stay_not_open", PaymentsStayNotOpen],
  ["payments.subject_already_ordered", PaymentsSubjectAlreadyOrdered],
  ["payments.too_many_attempts", PaymentsTooManyAttempts],
  ["payments.too_many_pay_codes", PaymentsTooManyPayCodes],
  ["queue.already_checked_in", QueueAlreadyCheckedIn],
  ["queue.check_in_closed", QueueCheckInClosed],
  ["queue.check_in_not_open", QueueCheckInNotOpen],
  ["queue.code_expired", QueueCodeExpired],
  ["queue.code_invalid", QueueCodeInvalid],
  ["queue.entry_not_found", QueueEntryNotFound],
  ["queue.flags_staff_only", QueueFlagsStaffOnly],
  ["queue.place_impossible", QueuePlaceImpossible],
  ["queue.place_inaccurate", QueuePlaceInaccurate],
  ["queue.place_mocked", QueuePlaceMocked],
  ["queue.place_outdated", QueuePlaceOutdated],
  ["queue.place_replayed", QueuePlaceReplayed],
  ["queue.place_too_far", QueuePlaceTooFar],
  ["queue.too_many_watchers", QueueTooManyWatchers],
  ["queue.way_not_allowed", QueueWayNotAllowed],
  ["request.internal_error", RequestInternalError],
  ["request.invalid_cursor", RequestInvalidCursor],
  ["request.invalid_idempotency_key", RequestInvalidIdempotencyKey],
  ["request.malformed", RequestMalformed],
  ["request.not_found", RequestNotFound],
  ["request.schema_violation", RequestSchemaViolation],
  ["request.too_large", RequestTooLarge],
  ["request.unsupported_media_type", RequestUnsupportedMediaType],
  ["rush.device_required", RushDeviceRequired],
  ["rush.full", RushFull],
  ["rush.joined_elsewhere", RushJoinedElsewhere],
  ["rush.limit_reached", RushLimitReached],
  ["rush.not_found", RushNotFound],
  ["rush.not_needed", RushNotNeeded],
  ["rush.not_open", RushNotOpen],
  ["rush.ticket_ended", RushTicketEnded],
  ["rush.ticket_not_found", RushTicketNotFound],
  ["rush.too_many_joins", RushTooManyJoins],
  ["sandbox.fault_ended", SandboxFaultEnded],
  ["sandbox.fault_invalid", SandboxFaultInvalid],
  ["sandbox.fault_limit_reached", SandboxFaultLimitReached],
  ["sandbox.fault_not_found", SandboxFaultNotFound],
  ["stops.already_stopped", StopsAlreadyStopped],
  ["stops.not_found", StopsNotFound],
  ["stops.offer_ended", StopsOfferEnded],
  ["stops.offer_not_found", StopsOfferNotFound],
  ["stops.restart_too_late", StopsRestartTooLate],
  ["stops.status_conflict", StopsStatusConflict],
  ["waitlist.already_waiting", WaitlistAlreadyWaiting],
  ["waitlist.closed", WaitlistClosed],
  ["waitlist.dates_invalid", WaitlistDatesInvalid],
  ["waitlist.entry_ended", WaitlistEntryEnded],
  ["waitlist.entry_not_found", WaitlistEntryNotFound],
  ["waitlist.limit_reached", WaitlistLimitReached],
  ["waitlist.offer_ended", WaitlistOfferEnded],
  ["waitlist.offer_not_found", WaitlistOfferNotFound],
  ["waitlist.priority_not_allowed", WaitlistPriorityNotAllowed],
  ["waitlist.seats_available", WaitlistSeatsAvailable],
  ["waitlist.target_not_found", WaitlistTargetNotFound],
  ["webhooks.address_refused", WebhooksAddressRefused],
  ["webhooks.delivery_not_found", WebhooksDeliveryNotFound],
  ["webhooks.delivery_pending", WebhooksDeliveryPending],
  ["webhooks.limit_reached", WebhooksLimitReached],
  ["webhooks.not_found", WebhooksNotFound],
  ["webhooks.status_conflict", WebhooksStatusConflict],
]);
