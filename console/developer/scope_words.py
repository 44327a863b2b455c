"""What a scope opens, in words for developers: Chinese here, English as the open API's reference has it."""

from typing import Final

from open_api.oauth.scopes import SCOPES
from open_api.oauth.words import name_scope

CHINESE: Final = {
    "catalogue.read": "查询科室、医生、出诊与可预约时间",
    "slots.read": "查询出诊的各个时段",
    "patients.read": "查询本应用登记的患者",
    "patients.write": "实名登记患者",
    "appointments.read": "查询本应用的占号与预约",
    "appointments.write": "占号、预约、改期、取消",
    "waitlist.read": "查询本应用的候补与候补结果",
    "waitlist.write": "登记候补、确认或放弃、退出候补",
    "checkin.write": "为本应用的预约签到",
    "queue.read": "查询候诊队列中的位置",
    "payments.read": "查询本应用的订单、支付与退款，以及患者的待缴费用",
    "payments.write": "下单、发起支付、关闭订单",
    "refunds.write": "申请已结算订单的退款",
    "webhooks.manage": "接收事件推送（Webhook）",
    "sandbox.manage": "触发模拟故障，测试自己的程序",
}


def scope_words(scope: str, language: str) -> str:
    """Say what a scope opens; a FHIR scope in the words in which patients are asked for it."""
    if scope not in SCOPES:
        return name_scope(scope, language)
    return SCOPES[scope].rstrip(".") if language == "en" else CHINESE[scope]
