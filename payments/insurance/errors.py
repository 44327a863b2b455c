"""
InsuranceError
├── InsuranceNotOffered     payments.insurance_not_offered
├── NotInsured              payments.not_insured
├── InsuranceSilent         payments.insurance_silent
├── InsuranceRefused        payments.insurance_refused          channel_code
├── InsurancePaysNothing    payments.insurance_pays_nothing
├── ConsentRefused          payments.consent_refused
└── ConsentOfAnother        payments.consent_of_another
"""

from kernel.errors import Refused, Unavailable


class InsuranceNotOffered(Refused):
    """The hospital has no account with the insurance's centre here."""

    code = "payments.insurance_not_offered"
    zh = "暂不支持医保支付"
    en = "Paying with medical insurance is not offered here."


class NotInsured(Refused):
    """The hospital knows no insurance of this person, or no resident identity number to look for one by."""

    code = "payments.not_insured"
    zh = "未查询到该就诊人的医保信息，请到窗口登记或自费缴费"
    en = "No insurance of this patient is known. Please register it at the window, or pay without."


class InsuranceSilent(Unavailable):
    """The insurance's centre has not answered; nothing is ordered, and the same may be asked again."""

    code = "payments.insurance_silent"
    zh = "医保中心暂时没有响应，请稍后重试或自费缴费"
    en = "The insurance does not answer. Please try again, or pay without it."


class InsuranceRefused(Refused):
    """The insurance will not share this bill; `channel_code` is its centre's own word."""

    code = "payments.insurance_refused"
    zh = "医保中心未受理本次结算，可自费缴费"
    en = "The insurance has refused this bill. It can be paid without."


class InsurancePaysNothing(Refused):
    """The insurance has a part in nothing of this bill; it is ordered without."""

    code = "payments.insurance_pays_nothing"
    zh = "本次费用医保不予支付，请自费缴费"
    en = "The insurance pays nothing of this bill. Please pay without it."


class ConsentRefused(Refused):
    """What the app brought from where the person agreed is used, too old, or no consent."""

    code = "payments.consent_refused"
    zh = "医保授权已失效，请重新授权"
    en = "The consent is no longer good. Please agree again."


class ConsentOfAnother(Refused):
    """Somebody has agreed with their own insurance to bills that are another person's."""

    code = "payments.consent_of_another"
    zh = "授权的医保不是就诊人本人的，请用就诊人本人的医保授权，或自费缴费"
    en = "This insurance is not the patient's own. Please agree with the patient's, or pay without."
