"""The messages of a sandbox: the templates that its WeChat and its gateway have, and which kinds use them.

A hospital chooses templates at mp.weixin.qq.com and enters their ids (docs/notifications.md); in a sandbox that is done
beforehand, the same on both sides, so that messages reach the people of the emulated WeChat without anybody's doing.
No field tells where or by whom somebody is treated (docs/adr/0412).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from runtime.data_folder import write_private

PAGE: Final = "pages/messages/messages"
"""Where a tap on any of them leads: the inbox, which opens the message."""
_WHO: Final = "{patient}"


@dataclass(frozen=True, slots=True)
class SandboxTemplate:
    """A one-time template, as WeChat's library has it. kinds: what each kind of message writes into its fields."""

    id: str
    title: str
    kinds: Mapping[str, Mapping[str, str]]

    @property
    def fields(self) -> list[str]:
        """Name the fields; every kind fills in all of them."""
        return list(next(iter(self.kinds.values())))


def _visit(time: str, words: str) -> dict[str, str]:
    return {"thing1": _WHO, "time2": time, "thing3": words}


def _queue(words: str) -> dict[str, str]:
    return {"thing1": _WHO, "character_string2": "{label}", "thing3": words}


def _money(words: str) -> dict[str, str]:
    return {"thing1": _WHO, "amount2": "{amount}", "thing3": words}


def _case(words: str) -> dict[str, str]:
    return {"thing1": _WHO, "thing2": words}


TEMPLATES: Final = (
    SandboxTemplate(
        "sandbox-appointment-7Yq2mVx0Rk4nTzB1cWd8HsLp5",
        "就诊预约通知",
        {
            "appointment.booked": _visit("{starts_at}", "预约成功，请按时到院签到"),
            "appointment.moved": _visit("{starts_at}", "就诊时间已更改，请查看"),
            "appointment.cancelled": _visit("{starts_at}", "这次就诊已取消"),
        },
    ),
    SandboxTemplate(
        "sandbox-stop-3Fh9sKd6Pa1xQwE5vNb2JrMu8",
        "停诊通知",
        {
            "stop.moved": _visit("{was_at}", "停诊，已为您改约，请查看"),
            "stop.substituted": _visit("{was_at}", "改由其他医生接诊，请查看"),
            "stop.offered": _visit("{was_at}", "停诊，请选择新的时间"),
            "stop.cancelled": _visit("{was_at}", "停诊，预约已取消"),
            "stop.kept": _visit("{was_at}", "门诊照常，预约有效"),
            "stop.pending": _visit("{was_at}", "门诊有变动，预约暂时保留"),
        },
    ),
    SandboxTemplate(
        "sandbox-waitlist-9Bt4gZc7Lo2yHvS6jXm1DfQe3",
        "候补到号提醒",
        {"waitlist.offered": {"thing1": _WHO, "time2": "{starts_at}", "time3": "{deadline}"}},
    ),
    SandboxTemplate(
        "sandbox-queue-5Wn8rUa3Ti6kCpG2qVe9MzYs4",
        "候诊提醒",
        {
            "queue.near": _queue("快到您了，请到诊室附近"),
            "queue.called": _queue("请到诊室就诊"),
            "queue.passed": _queue("已过号，请在附近等候"),
        },
    ),
    SandboxTemplate(
        "sandbox-refund-1Kx6bQj4Oe8uRlD3wNh7PgZt2",
        "退款通知",
        {
            "payment.refund_requested": _money("退款已受理"),
            "payment.refunded": _money("已原路退回"),
            "payment.refund_declined": _money("退款未通过，请查看"),
        },
    ),
    SandboxTemplate(
        "sandbox-feedback-8Mv2yLs5Ci9oFtA4xKr6BnWj7",
        "反馈处理通知",
        {
            "feedback.acknowledged": _case("医院已开始处理"),
            "feedback.transferred": _case("已转给负责的部门"),
            "feedback.answered": _case("医院已答复，请查看"),
            "feedback.closed": _case("已经办结"),
        },
    ),
)


def write_templates(emulator_dir: Path) -> None:
    """Have the emulated WeChat know the templates; it reads them when it starts."""
    known: list[dict[str, Any]] = [{"id": one.id, "title": one.title, "fields": one.fields} for one in TEMPLATES]
    write_private(emulator_dir / "templates.json", json.dumps(known, ensure_ascii=False, indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class SandboxShortTemplate:
    """A template of the sandbox's gateway for short messages. is_code: one for codes, whose values are digits."""

    id: str
    content: str
    is_code: bool = False


CODE_TEMPLATES: Final[Mapping[str, SandboxShortTemplate]] = {
    "sign_in_code": SandboxShortTemplate(
        "9000001", "登录验证码 {1}，5分钟内有效。请勿告诉任何人，医院工作人员不会向您索要。", is_code=True
    ),
    "sign_in_code.en": SandboxShortTemplate(
        "9000002",
        "Your sign-in code is {1}, valid for 5 minutes. Tell nobody; hospital staff never ask for it.",
        is_code=True,
    ),
    "change_code": SandboxShortTemplate(
        "9000003",
        "更换手机号验证码 {1}，5分钟内有效。有人要把账户换到您的号码，不是您本人操作请勿告诉任何人。",
        is_code=True,
    ),
    "change_code.en": SandboxShortTemplate(
        "9000004",
        "{1} moves an account to this number; valid for 5 minutes. Unless that is what you want, tell nobody.",
        is_code=True,
    ),
    "number_changed": SandboxShortTemplate(
        "9000005", "您的医院账户的手机号已更换，此号码不能再用来登录。如非本人操作，请马上联系医院。"
    ),
    "number_changed.en": SandboxShortTemplate(
        "9000006",
        "Your hospital account has another number; this one opens it no longer. If you did not do that, call us.",
    ),
}
"""Those of messages that the hospital does not word itself, by their names in SMS_TEMPLATES."""
SHORT_TEMPLATES: Final[Mapping[str, SandboxShortTemplate]] = {
    "appointment.moved": SandboxShortTemplate("9000101", "{1}的就诊时间已改为{2}，详情请见小程序。"),
    "appointment.cancelled": SandboxShortTemplate("9000102", "{1}原定{2}的就诊已取消，详情请见小程序。"),
    "stop.moved": SandboxShortTemplate("9000103", "很抱歉，{1}的门诊停诊，已为{2}改约到{3}，请在小程序查看。"),
    "stop.substituted": SandboxShortTemplate("9000104", "{1}{2}的就诊改由其他医生接诊，请在小程序查看。"),
    "stop.offered": SandboxShortTemplate("9000105", "很抱歉，{1}的门诊停诊，请在{2}前到小程序为{3}选择新的时间。"),
    "stop.cancelled": SandboxShortTemplate("9000106", "很抱歉，{1}的门诊停诊，{2}的预约已取消，请在小程序查看。"),
    "stop.kept": SandboxShortTemplate("9000107", "{1}的门诊恢复，{2}的预约照常有效。"),
    "stop.pending": SandboxShortTemplate("9000108", "{1}的门诊有变动，{2}的预约暂时保留，医院会与您联系。"),
    "waitlist.offered": SandboxShortTemplate("9000109", "{1}的候补有号了，请在{2}前到小程序确认。"),
    "queue.called": SandboxShortTemplate("9000110", "请{1}（{2}）到诊室就诊。"),
    "payment.rejected": SandboxShortTemplate("9000111", "{1}有一笔缴费未能入账，{2}将原路退回。"),
    "payment.refund_declined": SandboxShortTemplate("9000112", "{1}的一笔退款未通过，如有疑问请到收费窗口咨询。"),
    "feedback.answered": SandboxShortTemplate("9000113", "您反映的事情，医院已经答复，请到小程序查看。"),
}
"""Those of kinds of messages: their own words with the places numbered."""


def write_sms_templates(emulator_dir: Path) -> None:
    """Have the emulated gateway know the templates; it reads them when it starts."""
    known = [
        {"id": one.id, "content": one.content, "code": one.is_code}
        for one in (*CODE_TEMPLATES.values(), *SHORT_TEMPLATES.values())
    ]
    write_private(emulator_dir / "templates.json", json.dumps(known, ensure_ascii=False, indent=2) + "\n")
