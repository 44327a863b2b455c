"""Faults in the sandbox: a developer lets one meet their application, sees how often it has hit, and calls it off."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sanic import Request
from sanic.response import HTTPResponse

from booking import queries
from booking.queries import AppointmentFilter
from console.developer.access import require_own
from console.developer.forms import Form
from console.developer.frame import (
    NOTHING,
    address_of_application,
    application_page,
    button,
    code,
    heading,
    paragraph,
    refused,
    say,
    table,
    tag,
    time_of,
    told_done,
    told_error,
)
from console.developer.routes import APPLICATION, Tab, do, show
from kernel import clock
from kernel.errors import HospitalError
from kernel.events import Actor
from oauth.clients import read_client
from open_api.pages.browser import Browser, read_form, see_other
from open_api.pages.html import Html, html, join
from open_api.sandbox import begin_fault, end_fault, operations
from partners.developers import Developer
from partners.errors import ApplicationNotFound, ApplicationStopped
from partners.policies import read_gate
from partners.sandbox.errors import FaultInvalid
from partners.sandbox.faults import AFTER, BEFORE, DELIVERIES
from partners.sandbox.service import SECONDS_DEFAULT, list_faults
from schema.registry import violations

SANDBOX_ONLY: Final = True
TAB: Final = Tab("faults", "模拟故障", "Faults", 60)
PATH: Final = f"{APPLICATION}/faults"
SHOWN_MAX: Final = 30
APPOINTMENTS_MAX: Final = 100
KINDS: Final[dict[str, tuple[str, str]]] = {
    "slow_answer": ("响应缓慢", "A slow answer"),
    "internal_error": ("服务器错误 500，什么也没做", "500, and nothing was done"),
    "error_after_effect": ("服务器错误 500，但已经办成", "500, although it was done"),
    "rate_limited": ("请求过快 429", "429, asked too often"),
    "webhook_lost": ("推送丢失", "A webhook is lost"),
    "webhook_doubled": ("推送重复", "A webhook comes twice"),
    "clinic_stopped": ("医生停诊", "A clinic is stopped"),
}
REMEDIES: Final[dict[str, tuple[str, str]]] = {
    "": ("按医院的规则", "As the hospital's rule says"),
    "offer": ("请患者另选时间", "Patients choose another time"),
    "move": ("改到相同的时段", "Patients are moved to an equal time"),
    "cancel": ("取消预约", "Appointments are cancelled"),
}
STATES: Final[dict[str, tuple[tuple[str, str], str]]] = {
    "active": (("等待触发", "Waiting"), "warn"),
    "used_up": (("已用完", "Used up"), "plain"),
    "cancelled": (("已取消", "Called off"), "plain"),
    "ended": (("已到期", "Over"), "plain"),
}
DONE: Final = {
    "begun": ("故障已就绪：下一次符合条件的调用就会遇到。", "The fault waits: the next call that fits meets it."),
    "stopped": ("停诊已下达，通知和改约随后到达。", "The clinic is stopped; notices and offers follow."),
    "ended": ("已取消。", "It has been called off."),
}
CALLS, WEBHOOKS, CLINIC = "on-calls", "on-webhooks", "on-clinic"
NUMBERS: Final[dict[str, tuple[tuple[str, str], int, str]]] = {
    "calls": (("影响几次", "How many it hits"), 50, "1"),
    "seconds": (("秒数（缓慢、429）", "Seconds (slow, 429)"), 30, "5 / 1"),
    "minutes": (("最多等待几分钟", "Minutes it waits"), 60, "10"),
}
SECTIONS: Final[dict[str, tuple[tuple[str, str], tuple[str, str]]]] = {
    CALLS: (("接口调用", "Calls"), ("响应缓慢、500、429。", "Slow answers, 500 and 429.")),
    WEBHOOKS: (
        ("事件推送", "Webhooks"),
        (
            "丢失的推送记为“lost”，可从事件流读到或重新推送；重复的推送编号相同。",
            "A lost one is recorded so, and found in the feed or brought by a replay; a doubled one has one id.",
        ),
    ),
    CLINIC: (
        ("医生停诊", "A stopped clinic"),
        (
            "真实走一遍停诊流程：通知、改约、事件。别的应用有号时只停您自己的号。",
            "As on a real day: notices, offers, events. Where others have numbers, yours alone are stopped.",
        ),
    ),
}
FIELDS: Final[dict[str, tuple[str, str]]] = {
    "kind": ("故障", "Fault"),
    "operation": ("只影响这个接口", "Only this operation"),
    "event_type": ("只影响这种事件", "Only this type of event"),
    "appointment_id": ("停哪个预约的诊", "Whose clinic is stopped"),
    "remedy": ("患者怎么办", "What its patients get"),
    **{name: words for name, (words, _, _) in NUMBERS.items()},
}
LEVELS: Final[dict[str, tuple[str, str]]] = {
    "schedule": ("整个出诊", "The whole clinic"),
    "seat": ("仅本应用的号", "Your own numbers"),
}
_ON_CALLS: Final = BEFORE | AFTER
_SECTION: Final = """<details class="fault" id="{name}"{open}><summary>{title}</summary>
<p class="hint">{what}</p>{form}</details>
"""


async def show_faults(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Show what waits and what has hit, with forms for more."""
    developer, application = await _own(browser, application_id)
    told = told_done(browser, request.args.get("done"), DONE)
    return await _page(browser, developer, application, Form(browser), told=told)


async def begin(request: Request, browser: Browser, application_id: UUID) -> HTTPResponse:
    """Let a fault wait for the application."""
    developer, application = await _own(browser, application_id)
    form = read_form(request, browser)
    try:
        fault = await begin_fault(_wanted(form), actor=await _actor(browser, application))
    except HospitalError as error:
        return refused(await _page(browser, developer, application, Form(browser, form, error)), error)
    done = "stopped" if fault["stop_id"] else "begun"
    return see_other(f"{address_of_application(application_id, 'faults')}?done={done}")


async def end(request: Request, browser: Browser, application_id: UUID, fault_id: UUID) -> HTTPResponse:
    """Call a fault off."""
    developer, application = await _own(browser, application_id)
    read_form(request, browser)
    try:
        await end_fault(fault_id, actor=await _actor(browser, application))
    except HospitalError as error:
        return refused(await _page(browser, developer, application, Form(browser, None, error)), error)
    return see_other(f"{address_of_application(application_id, 'faults')}?done=ended")


PAGES: Final = (show(PATH, show_faults), do(PATH, begin), do(f"{PATH}/<fault_id:uuid>/end", end))


async def _own(browser: Browser, application_id: UUID) -> tuple[Developer, dict[str, Any]]:
    """Give an application that has a client.

    Raises:
        NotSignedIn, DeveloperRequired, ApplicationNotFound, DatabaseUnavailable.
    """
    developer, application = await require_own(browser, application_id)
    if application["client_id"] is None:
        raise ApplicationNotFound
    return developer, application


async def _actor(browser: Browser, application: dict[str, Any]) -> Actor:
    """Act as the application itself: whatever it could ask for with a token of its own.

    Raises:
        ApplicationNotFound: it is not let in any more.
        ApplicationStopped, DatabaseUnavailable.
    """
    client = await read_client(application["client_id"])
    if client is None:
        raise ApplicationNotFound
    if (await read_gate(client.id, client.kind)).stopped:
        raise ApplicationStopped
    return Actor(client.id, client.channel, client.kind, request_id=browser.visit.request_id)


def _wanted(form: dict[str, str]) -> dict[str, Any]:
    """Read one of the three forms; what means nothing with the kind that was chosen is left out.

    Raises:
        FaultInvalid.
    """
    about = form.get("about", "")
    given = {name.removeprefix(f"{about}-"): text for name, text in form.items() if text}
    if about == CLINIC:
        kept = {name: given[name] for name in ("appointment_id", "remedy") if name in given}
        return _fitting({"kind": "clinic_stopped"} | kept)
    kind = given.get("kind", "")
    if kind not in (_ON_CALLS if about == CALLS else DELIVERIES):
        raise FaultInvalid(field="kind")
    numbers = ("calls", "minutes", "seconds") if kind in SECONDS_DEFAULT else ("calls", "minutes")
    wanted: dict[str, Any] = {"kind": kind}
    wanted |= {name: given[name] for name in ("operation", "event_type") if name in given}
    wanted |= {name: _read_number(name, given[name]) for name in numbers if name in given}
    return _fitting(wanted)


def _fitting(wanted: dict[str, Any]) -> dict[str, Any]:
    """Hold a form against what programs may ask for, as no page of ours lets one choose all else.

    Raises:
        FaultInvalid.
    """
    for wrong in violations("sandbox/fault_new.json", wanted):
        raise FaultInvalid(field=wrong["pointer"].split("/")[1])
    return wanted


def _read_number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= NUMBERS[name][1]):
        raise FaultInvalid(field=name)
    return int(text)


async def _page(
    browser: Browser, developer: Developer, application: dict[str, Any], form: Form, *, told: Html = NOTHING
) -> HTTPResponse:
    found = await list_faults(client_id=application["client_id"], before=None, limit=SHOWN_MAX)
    parts = [
        _told_error(browser, form.error),
        paragraph(
            say(
                browser,
                "让故障落到您自己的应用上：只影响本应用的调用，用完或到时自动结束。响应头 sandbox-fault 标明是模拟的。",
                "Let a fault meet your own application: its calls alone, so many and so long. The header sandbox-fault"
                " says that an answer is one.",
            ),
            "lead",
        ),
        _forms(browser, application, form, await _choices(browser, application)),
        heading(say(browser, "已触发的故障", "Faults so far")),
        _table(browser, application, found),
    ]
    return application_page(browser, developer, application, parts, tab=TAB.path, told=told)


def _told_error(browser: Browser, error: HospitalError | None) -> Html:
    """Say what was refused, and of which field."""
    if error is None:
        return NOTHING
    words = FIELDS.get(str(error.details.get("field"))) if isinstance(error, FaultInvalid) else None
    return told_error(browser, error, say(browser, f"：{words[0]}", f" {words[1]}.") if words else "")


def _forms(browser: Browser, application: dict[str, Any], form: Form, choices: list[tuple[str, str]]) -> Html:
    """Write the three forms; the one that was refused stands open."""
    action = f"{address_of_application(application['id'])}/faults"
    go = say(browser, "触发", "Let it happen")
    chosen = form.values.get("about", CALLS)
    shown = {
        CALLS: form.send(action, _of_calls(browser, form), go=go),
        WEBHOOKS: form.send(action, _of_webhooks(browser, form), go=go),
        CLINIC: form.send(action, _of_clinic(browser, form, choices), go=go) if choices else _no_clinic(browser),
    }
    return join(
        html(
            _SECTION,
            name=name,
            title=say(browser, *title),
            what=say(browser, *what),
            form=shown[name],
            open=Html(" open") if name == chosen else NOTHING,
        )
        for name, (title, what) in SECTIONS.items()
    )


def _of_calls(browser: Browser, form: Form) -> list[Html]:
    any_operation = ("", say(browser, "任何接口", "Any"))
    return [
        _about(CALLS),
        _kind(browser, form, CALLS, _ON_CALLS),
        form.select(
            f"{CALLS}-operation",
            say(browser, *FIELDS["operation"]),
            [any_operation, *((name, name) for name in operations())],
        ),
        *(_number(browser, form, CALLS, name) for name in ("calls", "seconds", "minutes")),
    ]


def _of_webhooks(browser: Browser, form: Form) -> list[Html]:
    hint = say(browser, "例如 appointment.stopped；留空为任何事件", "Such as appointment.stopped; empty: any")
    return [
        _about(WEBHOOKS),
        _kind(browser, form, WEBHOOKS, DELIVERIES),
        form.text(f"{WEBHOOKS}-event_type", say(browser, *FIELDS["event_type"]), most=80, hint=hint),
        *(_number(browser, form, WEBHOOKS, name) for name in ("calls", "minutes")),
    ]


def _of_clinic(browser: Browser, form: Form, choices: list[tuple[str, str]]) -> list[Html]:
    return [
        _about(CLINIC),
        form.select(f"{CLINIC}-appointment_id", say(browser, *FIELDS["appointment_id"]), choices),
        form.select(
            f"{CLINIC}-remedy",
            say(browser, *FIELDS["remedy"]),
            [(name, say(browser, *words)) for name, words in REMEDIES.items()],
        ),
    ]


def _no_clinic(browser: Browser) -> Html:
    text = say(
        browser,
        "先用本应用预约一个将来的号，再停它的诊。",
        "Book a coming number with your application first; then its clinic can be stopped.",
    )
    return html('<p class="empty">{text}</p>', text=text)


def _about(name: str) -> Html:
    return html('<input type="hidden" name="about" value="{name}">', name=name)


def _kind(browser: Browser, form: Form, about: str, kinds: Iterable[str]) -> Html:
    return form.select(
        f"{about}-kind",
        say(browser, *FIELDS["kind"]),
        [(name, say(browser, *words)) for name, words in KINDS.items() if name in kinds],
    )


def _number(browser: Browser, form: Form, about: str, name: str) -> Html:
    words, most, usual = NUMBERS[name]
    hint = say(browser, "1 到 {most}，留空为 {usual}", "1 to {most}; empty: {usual}", most=most, usual=usual)
    return form.text(f"{about}-{name}", say(browser, *words), most=3, hint=hint, more='inputmode="numeric"')


async def _choices(browser: Browser, application: dict[str, Any]) -> list[tuple[str, str]]:
    """List the application's coming appointments: by number and time, without names."""
    now = clock.now()
    actor = Actor(application["client_id"], "portal", "partner", request_id=browser.visit.request_id)
    wanted = AppointmentFilter(status="booked", date_from=clock.today())
    found = await queries.list_appointments(wanted, actor=actor, before=None, limit=APPOINTMENTS_MAX)
    return [(str(one.id), f"{one.number} · {time_of(one.starts_at)}") for one in found if one.starts_at > now]


def _table(browser: Browser, application: dict[str, Any], found: list[dict[str, Any]]) -> Html:
    names = [
        say(browser, "故障", "Fault"),
        say(browser, "只影响", "Only"),
        say(browser, "次数", "Hits"),
        say(browser, "状态", "State"),
        say(browser, "截止", "Until"),
        "",
    ]
    rows = [
        (
            say(browser, *KINDS[fault["kind"]]),
            _only(browser, fault),
            "—" if fault["calls"] is None else f"{fault['struck']} / {fault['calls']}",
            _state(browser, fault),
            time_of(datetime.fromisoformat(fault["ends_at"])),
            _end_button(browser, application, fault),
        )
        for fault in found
    ]
    return table(names, rows, empty=say(browser, "还没有触发过故障。", "There has been none yet."))


def _only(browser: Browser, fault: dict[str, Any]) -> Html | str:
    if fault["stop_level"] is not None:
        return say(browser, *LEVELS[fault["stop_level"]])
    text = fault["operation"] or fault["event_type"]
    return code(text) if text else "—"


def _state(browser: Browser, fault: dict[str, Any]) -> Html:
    if fault["stop_id"] is not None and fault["status"] == "active":
        return tag(say(browser, "停诊中", "Stopped"), "warn")
    words, kind = STATES[fault["status"]]
    return tag(say(browser, *words), kind)


def _end_button(browser: Browser, application: dict[str, Any], fault: dict[str, Any]) -> Html:
    if fault["status"] != "active":
        return NOTHING
    action = f"{address_of_application(application['id'])}/faults/{fault['id']}/end"
    return button(browser, action, say(browser, "取消", "Call off"))
