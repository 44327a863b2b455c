"""
HospitalError
├── BillUnknown         micro_his.bill_unknown         no such bill or item, or another person's
├── BillNotUnpaid       micro_his.bill_not_unpaid      paid meanwhile or withdrawn; `bill_status`
├── BillChanged         micro_his.bill_changed         the doctor has changed the order since it was shown
├── AmountDiffers       micro_his.amount_differs       not what we count; `expected_cash_fen`, `expected_insurance_fen`
├── NumberReused        micro_his.number_reused        the number is known with other content; `field` names it
├── NumberVoid          micro_his.number_void          the platform has given this number up
├── EntryUnknown        micro_his.entry_unknown        no entry under this number
├── AlreadyCharged      micro_his.already_charged      the registration fee is paid, or there is none
├── ServiceDone         micro_his.service_done         drug dispensed, test done, visit taken place
├── ItemNotRefundable   micro_his.item_not_refundable  not an item of that settlement, refunded, or asked for already
├── NotApproved         micro_his.not_approved         nobody has approved this refund, or the settlement is reversed
├── RequestUnknown      micro_his.refund_request_unknown
├── AlreadyDecided      micro_his.already_decided
├── NotInsured          micro_his.insurance_unknown    nobody has seen an insurance card of this person
├── AdmissionUnknown    micro_his.admission_unknown
├── AdmissionNotOpen    micro_his.admission_not_open   discharged, settled, not discharged yet; `stay_status`
├── AlreadyAdmitted     micro_his.already_admitted
└── NothingToReturn     micro_his.nothing_to_return    more than the deposit or the surplus; `returnable_fen`
"""

from kernel.errors import Conflict, NotFound, Refused


class BillUnknown(NotFound):
    """There is no such bill or item, or it is another person's."""

    code = "micro_his.bill_unknown"
    zh = "没有该费用单或项目"
    en = "There is no such bill or item."


class BillNotUnpaid(Conflict):
    """The bill has been paid or withdrawn meanwhile."""

    code = "micro_his.bill_not_unpaid"
    zh = "该费用单已结算或已撤销"
    en = "The bill is settled or withdrawn."


class BillChanged(Conflict):
    """The bill is not what was shown to the payer any more."""

    code = "micro_his.bill_changed"
    zh = "费用单内容已变更，请刷新后再缴费"
    en = "The bill has changed since it was shown."


class NotInsured(Conflict):
    """Nobody at the hospital has seen an insurance card of this person."""

    code = "micro_his.insurance_unknown"
    zh = "未登记医保信息"
    en = "No insurance of this person is known."


class AmountDiffers(Refused):
    """The amounts that are told are not those that we count."""

    code = "micro_his.amount_differs"
    zh = "金额与费用单不符"
    en = "The amount differs from what the HIS counts."


class NumberReused(Conflict):
    """An entry with this number stands, and it was asked for with other content."""

    code = "micro_his.number_reused"
    zh = "该流水号已用于另一笔业务"
    en = "This number belongs to an entry with other content."


class NumberVoid(Conflict):
    """The platform has given this number up before anything was done under it."""

    code = "micro_his.number_void"
    zh = "该流水号已作废"
    en = "This number is void."


class EntryUnknown(NotFound):
    """No entry has this number."""

    code = "micro_his.entry_unknown"
    zh = "没有该流水号的记录"
    en = "There is no entry with this number."


class AlreadyCharged(Conflict):
    """The fee of this number is paid, or it costs nothing."""

    code = "micro_his.already_charged"
    zh = "该号挂号费已缴或无需缴费"
    en = "The registration fee is paid, or there is none."


class ServiceDone(Refused):
    """What was paid for has been carried out."""

    code = "micro_his.service_done"
    zh = "项目已执行，不能退费"
    en = "This has been carried out and cannot be refunded."


class ItemNotRefundable(Refused):
    """The item is not of that settlement, is refunded, or a refund of it is under way."""

    code = "micro_his.item_not_refundable"
    zh = "项目不可退费"
    en = "The item cannot be refunded."


class NotApproved(Refused):
    """Nobody has approved this refund, or the settlement is reversed by another one."""

    code = "micro_his.not_approved"
    zh = "该退费未经审批或已冲正"
    en = "This refund is not approved, or the settlement is reversed already."


class RequestUnknown(NotFound):
    """There is no such request for a refund."""

    code = "micro_his.refund_request_unknown"
    zh = "没有该退费申请"
    en = "There is no such request for a refund."


class AlreadyDecided(Conflict):
    """Somebody has decided on this request."""

    code = "micro_his.already_decided"
    zh = "该退费申请已处理"
    en = "This request is decided."


class AdmissionUnknown(NotFound):
    """There is no such admission."""

    code = "micro_his.admission_unknown"
    zh = "没有该住院记录"
    en = "There is no such admission."


class AdmissionNotOpen(Conflict):
    """The stay's status does not allow this."""

    code = "micro_his.admission_not_open"
    zh = "住院状态不允许此操作"
    en = "The stay's status does not allow this."


class AlreadyAdmitted(Conflict):
    """The person is an inpatient at present."""

    code = "micro_his.already_admitted"
    zh = "该患者正在住院"
    en = "This person is an inpatient already."


class NothingToReturn(Refused):
    """There is less to return than is asked for."""

    code = "micro_his.nothing_to_return"
    zh = "可退金额不足"
    en = "There is not so much to return."
