"""The slot office's administration over HTTP: the whole work, who may do it, and what is refused how."""

import re
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from kernel import clock
from kernel.errors import HospitalError
from open_api.problems import STATUS
from open_api.routing import Route
from schema.registry import documents
from tests.contract.absent import ABSENT, BODIES
from tests.contract.clients_at_the_office import review_clients
from tests.contract.conftest import ADMINISTRATION, SlotOffice
from tests.contract.feedback_at_the_office import answer_patients
from tests.contract.fees_at_the_office import say_when_fees_are_paid
from tests.contract.gateway_at_the_office import keep_the_gate, review_application
from tests.contract.messages_at_the_office import word_messages
from tests.contract.money_at_the_office import keep_the_money
from tests.contract.noshows_at_the_office import judge_noshows
from tests.contract.office_lists import list_everything
from tests.contract.patterns_at_the_office import judge_hold_patterns
from tests.contract.staff_at_the_office import employ_move_and_let_go
from tests.contract.stops_at_the_office import add_seats, stop_and_restart
from tests.contract.windows_at_the_office import hold_numbers_for_the_windows
from tests.factories.open_api import OFFICE_SCOPES, OpenApi
from tests.factories.slot_office import nothing_changes

BASE = "/administration"


def names(word: str) -> dict[str, str]:
    return {"name_zh": word, "name_en": word}


async def set_up_clinic(office: SlotOffice) -> dict[str, Any]:
    """From nothing to a template: campus, department, clinic, room, title, practitioner, fee."""
    campus = await office.add(
        f"{BASE}/campuses", code="TEST", address="广州市", latitude=23, longitude=113.25, **names("测试院区")
    )
    department = await office.add(f"{BASE}/departments", code="99.01", name_zh="测试内科", name_en="Test Medicine")
    clinic = await office.add(
        f"{BASE}/clinics", code="T9901", department_id=department["id"], campus_id=campus["id"], age_years_min=14,
        **names("测试门诊"),
    )  # fmt: skip
    room = await office.add(f"{BASE}/rooms", code="T9901-01", clinic_id=clinic["id"], floor="3F", **names("1 诊室"))
    await office.add(f"{BASE}/titles", code="renowned", **names("名医"))
    await office.add(f"{BASE}/service-types", code="renowned", **names("名医号"))
    practitioner = await office.add(
        f"{BASE}/practitioners", code="T0001", name="解晓欧", title="renowned", sex=2,
        department_id=department["id"], keywords="哮喘 咳嗽",
    )  # fmt: skip
    assert (practitioner["pinyin"], practitioner["initials"]) == ("xiexiaoou", "xxo")
    fee = await office.add(f"{BASE}/fees", service_type="renowned", title="renowned", amount_fen=50000)
    await office.add(f"{BASE}/pools", code="community", **names("社区"))
    tomorrow = clock.today() + timedelta(days=1)
    days = await office.ask("GET", f"{BASE}/calendar?date_from={tomorrow}&date_until={tomorrow}", status=200)
    weekday = days["items"][0]["follows_weekday"]
    template = await office.add(
        f"{BASE}/schedule-templates", practitioner_id=practitioner["id"], clinic_id=clinic["id"], room_id=room["id"],
        service_type="renowned", weekday=weekday, period="morning", starts="08:00", ends="10:00",
        slot_minutes=30, seats_per_slot=5, quotas={"community": 20}, valid_from=tomorrow.isoformat(),
        works_on_holidays=True,
    )  # fmt: skip
    return {"clinic": clinic, "room": room, "practitioner": practitioner, "template": template, "fee": fee}


async def test_the_slot_offices_whole_work(open_api: OpenApi, office: SlotOffice) -> None:
    """From an empty page to a bookable clinic and back; every operation is used and every answer fits its schema."""
    made = await set_up_clinic(office)
    await office.add(f"{BASE}/channels", code="community", **names("社区"))
    await office.add(
        f"{BASE}/release-rules", channel="portal", pool="common", kind="days_ahead", days_ahead=30, at_time="07:00",
        holiday_aware=True,
    )  # fmt: skip
    own = await office.add(
        f"{BASE}/release-rules", channel="community", pool="community", clinic_id=made["clinic"]["id"], kind="fixed",
        fixed_at="2026-01-01T08:00:00+08:00",
    )  # fmt: skip
    assert own["fixed_at"] == "2026-01-01T00:00:00+00:00"
    rule = await office.add(f"{BASE}/booking-rules", clinic_id=made["clinic"]["id"], hold_seconds=300)
    tomorrow = clock.today() + timedelta(days=1)
    next_week = tomorrow + timedelta(days=7)
    exception = await enter_exception(office, made["template"], next_week)
    await generate(office, tomorrow, next_week)
    await work_on_seats(open_api, office, made["practitioner"]["id"])
    await add_and_withdraw(office, made["template"], tomorrow)
    await stop_and_restart(open_api, office, made["practitioner"]["id"])
    await add_seats(open_api, office, made["practitioner"]["id"])
    await change_and_remove_everything(office, made, rule, own, exception)
    await judge_noshows(open_api, office)
    await say_when_fees_are_paid(open_api, office)
    await review_clients(open_api, office)
    await judge_hold_patterns(open_api, office)
    await hold_numbers_for_the_windows(open_api, office)
    await keep_the_money(open_api, office)
    await answer_patients(open_api, office)
    await employ_move_and_let_go(open_api, office)
    await review_application(open_api, office)
    await keep_the_gate(open_api, office)
    for path in ("one", "two"):
        body = {"url": f"http://127.0.0.1:9000/{path}", "event_types": ["*"]}
        assert (await open_api.portal.post("/webhooks", body)).status_code == 201
    await word_messages(office)
    await list_everything(office)
    await office.ask("GET", f"{BASE}/queue-accuracy?date_from={tomorrow}&date_until={next_week}", status=200)
    assert {route.operation for route in ADMINISTRATION} - office.used == set()


async def enter_exception(office: SlotOffice, template: Any, on: date) -> Any:
    """Let a day work as the day after it, so that the template does not run, and see the calendar show it."""
    other_day = template["weekday"] % 7 + 1
    exception = await office.add(
        f"{BASE}/calendar-exceptions", date=on.isoformat(), kind="workday", name_zh="义诊", follows_weekday=other_day
    )
    shown = await office.ask("GET", f"{BASE}/calendar?date_from={on - timedelta(days=7)}&date_until={on}", status=200)
    assert len(shown["items"]) == 8
    assert shown["items"][-1] == {
        "date": on.isoformat(),
        "kind": "workday",
        "name_zh": "义诊",
        "name_en": "",
        "source": "hospital",
        "follows_weekday": other_day,
    }
    return exception


async def generate(office: SlotOffice, first: date, last: date) -> None:
    """Schedules are previewed, made, and made again without effect."""
    body = {"date_from": first.isoformat(), "date_until": last.isoformat()}
    preview = await office.ask("GET", f"{BASE}/generation?date_from={first}&date_until={last}", status=200)
    report = await office.ask("POST", f"{BASE}/generation", body, status=200, key="generate-1")
    assert report == preview
    assert (report["schedules_created"], report["seats_created"]) == (1, 20)
    assert await office.ask("POST", f"{BASE}/generation", body, status=200, key="generate-1") == report
    again = await office.ask("POST", f"{BASE}/generation", body, status=200)
    assert (again["schedules_created"], again["schedules_existing"]) == (0, 1)


async def work_on_seats(open_api: OpenApi, office: SlotOffice, practitioner_id: str) -> None:
    """Seats are moved, blocked and put back, and the partner sees what its channel may book."""
    found = await office.ask("GET", f"{BASE}/schedules?practitioner_id={practitioner_id}", status=200)
    schedule = await office.ask("GET", f"{BASE}/schedules/{found['items'][0]['id']}", status=200)
    slot = schedule["slots"][0]

    async def available() -> int:
        slots = (await open_api.portal.get("/slots", params={"schedule_id": schedule["id"]})).json()["items"]
        return sum(one["available"] for one in slots)

    assert await available() == 16
    await office.ask(
        "POST", f"{BASE}/schedules/{schedule['id']}/move-seats",
        {"from_pool": "community", "to_pool": "common", "count": 2}, status=200,
    )  # fmt: skip
    assert await available() == 18
    body = {"count": 3, "pool": "common", "reason": "晚到"}
    await office.ask("POST", f"{BASE}/slots/{slot['id']}/block", body, status=200)
    assert await available() == 15
    await office.ask("POST", f"{BASE}/slots/{slot['id']}/unblock", {"count": 3}, status=200)
    assert await available() == 18


async def add_and_withdraw(office: SlotOffice, template: Any, on: date) -> None:
    """An extra clinic is made by hand and withdrawn."""
    extra = await office.ask(
        "POST", f"{BASE}/schedules",
        {name: template[name] for name in ("practitioner_id", "clinic_id", "room_id", "service_type")}
        | {"date": on.isoformat(), "period": "evening", "starts": "18:00", "ends": "19:00", "slot_minutes": 15,
           "seats_per_slot": 1}, status=201,
    )  # fmt: skip
    withdrawn = await office.ask("POST", f"{BASE}/schedules/{extra['id']}/withdraw", {"version": 1}, status=200)
    assert withdrawn["status"] == "withdrawn"


async def change_and_remove_everything(
    office: SlotOffice, made: dict[str, Any], rule: Any, own: Any, exception: Any
) -> None:
    """One change of each kind of entry, and the removals."""
    changes: list[tuple[str, dict[str, Any]]] = [
        ("campuses", {"address": "广州市天河区"}),
        ("departments", {"name_zh": "测试外科"}),
        (f"clinics/{made['clinic']['id']}", {"sex_allowed": 2}),
        (f"rooms/{made['room']['id']}", {"floor": "4F"}),
        ("titles/renowned", {"name_en": "Renowned expert"}),
        ("service-types/renowned", {"name_en": "Renowned expert"}),
        (f"practitioners/{made['practitioner']['id']}", {"introduction": "擅长哮喘。"}),
        (f"fees/{made['fee']['id']}", {"amount_fen": 60000}),
        ("channels/community", {"name_en": "Community"}),
        ("pools/community", {"recycle_minutes_before": 1440}),
        (f"release-rules/{own['id']}", {"active": False}),
        (f"booking-rules/{rule['id']}", {"daily_limit": 1}),
        (f"calendar-exceptions/{exception['date']}", {"name_en": "Free clinic"}),
        (f"schedule-templates/{made['template']['id']}", {"seats_per_slot": 6}),
    ]
    for path, change in changes:
        entry_path = path
        if "/" not in path:
            code = {"campuses": "TEST", "departments": "99.01"}[path]
            found = await office.ask("GET", f"{BASE}/{path}?code={code}", status=200)
            entry_path = f"{path}/{found['items'][0]['id']}"
        changed = await office.ask("PATCH", f"{BASE}/{entry_path}", {"version": 1} | change, status=200)
        assert changed["version"] == 2
        assert {name: changed[name] for name in change} == change
    for path in (
        f"fees/{made['fee']['id']}",
        f"release-rules/{own['id']}",
        f"booking-rules/{rule['id']}",
        f"calendar-exceptions/{exception['date']}",
    ):
        gone = await office.ask("DELETE", f"{BASE}/{path}?version=2", status=200)
        assert gone["version"] == 2
        await office.ask("GET", f"{BASE}/{path}", status=404, code="catalogue.not_found")


async def test_the_change_log_says_who_and_when(open_api: OpenApi, office: SlotOffice) -> None:
    since = clock.now()
    made = await set_up_clinic(office)
    room = await office.ask("PATCH", f"{BASE}/rooms/{made['room']['id']}", {"version": 1, "floor": "5F"}, status=200)
    stamp = since.isoformat().replace("+00:00", "Z")
    shown = await office.ask("GET", f"{BASE}/changes?entity=room&entity_id={room['id']}&since={stamp}", status=200)
    assert [(change["action"], change["client_id"], change["staff_code"]) for change in shown["items"]] == [
        ("updated", open_api.office.client_id, open_api.office.staff_code),
        ("created", open_api.office.client_id, open_api.office.staff_code),
    ]
    assert shown["items"][0]["before"] == made["room"]
    assert shown["items"][0]["after"] == room
    mine = await office.ask("GET", f"{BASE}/changes?staff_code={open_api.office.staff_code}&limit=3", status=200)
    assert len(mine["items"]) == 3
    assert mine["next"] is not None
    none = await office.ask("GET", f"{BASE}/changes?staff_code=S999999999", status=200)
    assert none == {"items": [], "next": None}
    await office.ask("GET", f"{BASE}/changes?entity_id=x", status=422, code="request.schema_violation")


# --- who may


def address(route: Route) -> str:
    """An address that the route serves, of nothing in particular."""
    filled = {"uuid": str(uuid4()), "str": "nothing", "ymd": "2030-01-01"}
    return re.sub(r"<\w+:(\w+)>", lambda match: filled[match[1]], route.path)


@pytest.mark.parametrize("route", ADMINISTRATION, ids=lambda route: route.operation)
async def test_nobody_else_gets_in(open_api: OpenApi, office: SlotOffice, route: Route) -> None:
    """Not a partner whom somebody gave the scopes by mistake, not the kiosk, nobody without a member of staff."""
    mistaken = await open_api.client("partner", scopes=OFFICE_SCOPES)
    reader = await open_api.client("internal", channel="window", scopes=["administration.read"])
    body: dict[str, Any] | None = {} if route.request else None
    async with nothing_changes(open_api.db):
        callers = [(mistaken, "partner"), (open_api.portal, "portal"), (open_api.kiosk, "kiosk")]
        if route.changes_state:
            callers.append((reader, "reader"))
        for caller, who in callers:
            answer = await caller.send(route.method, address(route), body=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "oauth.insufficient_scope"), who
            assert answer.json()["scope"] == route.scope
        for staff, code in ((None, "oauth.staff_required"), ("S999999999", "oauth.staff_unknown")):
            if route.changes_state:
                open_api.office.staff_code = staff
                answer = await open_api.office.send(route.method, address(route), body=body)
                assert (answer.status_code, answer.json()["code"]) == (403, code)
        open_api.office.token = "forged"
        answer = await open_api.office.send(route.method, address(route), body=body)
        assert (answer.status_code, answer.json()["code"]) == (401, "oauth.invalid_token")


def test_every_operation_is_for_staff_and_named_by_its_scope() -> None:
    for route in ADMINISTRATION:
        assert route.staff_only
        rooms = [
            room
            for room in ("staff", "cashier", "finance", "feedback")
            if route.path.startswith(f"/administration/{room}")
        ]
        [room] = rooms or ["administration"]
        assert route.scope == (f"{room}.write" if route.changes_state else f"{room}.read")
        assert route.handler.__doc__


# --- what is refused


@pytest.mark.parametrize(
    "route", [route for route in ADMINISTRATION if route.request], ids=lambda route: route.operation
)
async def test_what_does_not_fit_the_schema_changes_nothing(
    open_api: OpenApi, office: SlotOffice, route: Route
) -> None:
    assert route.request is not None
    properties = documents()[route.request]["properties"]
    async with nothing_changes(open_api.db):
        bodies: list[Any] = [[], {"surprise": 1}, *({name: {"$ne": 1}} for name in properties)]
        for body in bodies:
            answer = await open_api.office.send(route.method, address(route), body=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "request.schema_violation"), body


@pytest.mark.parametrize(
    "route", [route for route in ADMINISTRATION if "<" in route.path], ids=lambda route: route.operation
)
async def test_what_is_not_there_is_not_found(open_api: OpenApi, office: SlotOffice, route: Route) -> None:
    body: Any = None
    if route.request:
        name = route.request.removeprefix("administration/").removesuffix(".json")
        changed = "name_en" if "name_en" in documents()[route.request]["properties"] else None
        body = BODIES.get(name) or {"version": 1, **({changed: "x"} if changed else CHANGES[name])}
    path = address(route) + ("?version=1" if route.method == "DELETE" else "")
    async with nothing_changes(open_api.db):
        first, second = [*route.path.split("/"), ""][2:4]
        code = ABSENT.get(f"{first}/{second}") or ABSENT.get(first, "catalogue.not_found")
        await office.ask(route.method, path, body, status=404, code=code)


CHANGES: dict[str, dict[str, Any]] = {
    "practitioner_change": {"keywords": "x"},
    "fee_change": {"amount_fen": 1},
    "feedback_route_change": {"office_id": str(uuid4())},
    "feedback_rule_change": {"reopen_days": 14},
    "release_rule_change": {"active": False},
    "booking_rule_change": {"daily_limit": 2},
    "noshow_rule_change": {"noshow_count": 2},
    "claim_limit_change": {"count_max": 2},
    "hold_pattern_rule_change": {"count_min": 2},
    "rush_rule_change": {"turn_seconds": 200},
    "rush_mark_change": {"is_hot": False},
    "followup_rule_change": {"days": 2},
    "registration_payment_rule_change": {"policy": "none"},
    "registration_payment_terms_change": {"pay_seconds": 600},
    "schedule_template_change": {"seats_per_slot": 1},
}


async def test_refusals_have_their_status_and_change_nothing(open_api: OpenApi, office: SlotOffice) -> None:
    made = await set_up_clinic(office)
    clinic, room, template = made["clinic"], made["room"], made["template"]
    fields = {name: template[name] for name in template if name not in ("id", "active", "version")}
    yesterday = (clock.today() - timedelta(days=1)).isoformat()
    common = await office.ask("GET", f"{BASE}/pools/common", status=200)
    attempts: list[tuple[str, str, Any, str]] = [
        ("POST", "rooms", {"code": "T9901-01", "clinic_id": clinic["id"]} | names("r"), "catalogue.duplicate"),
        ("POST", "rooms", {"code": "R", "clinic_id": str(uuid4())} | names("r"), "catalogue.reference_unknown"),
        ("PATCH", f"rooms/{room['id']}", {"version": 9, "floor": "1F"}, "catalogue.version_conflict"),
        ("PATCH", f"rooms/{room['id']}", {"version": 1}, "catalogue.nothing_to_change"),
        ("PATCH", f"rooms/{room['id']}", {"version": 1, "active": False}, "catalogue.in_use"),
        ("PATCH", f"clinics/{clinic['id']}", {"version": 1, "age_years_max": 13}, "catalogue.value_not_allowed"),
        ("PATCH", "pools/common", {"version": common["version"], "active": False}, "catalogue.essential_entry"),
        ("POST", "schedule-templates", fields, "catalogue.schedule_clash"),
        ("POST", "schedule-templates", fields | {"quotas": {"nowhere": 1}}, "catalogue.quota_invalid"),
        ("POST", "schedule-templates", fields | {"weekday": 3, "room_id": str(open_api.hospital.room_id)},
         "catalogue.reference_mismatch"),
        ("POST", "calendar-exceptions", {"date": yesterday, "kind": "holiday"}, "catalogue.day_past"),
        ("POST", "generation", {"date_from": "2030-01-01", "date_until": "2031-01-01"}, "catalogue.range_too_long"),
        ("DELETE", "booking-rules/00000000-0000-7000-8000-000000000001?version=1", None, "catalogue.essential_entry"),
    ]  # fmt: skip
    async with nothing_changes(open_api.db):
        for method, path, body, code in attempts:
            await office.ask(method, f"{BASE}/{path}", body, status=STATUS[code], code=code, key=f"key-{path[:40]}")


async def test_a_booked_schedule_is_not_withdrawn(open_api: OpenApi, office: SlotOffice) -> None:
    schedule = await open_api.hospital.schedule(seats=2)
    patient_id = await open_api.patient()
    body: dict[str, Any] = {"slot_id": str(schedule.slots[0]), "patient_id": str(patient_id)}
    assert (await open_api.portal.post("/appointments", body)).status_code == 201
    async with nothing_changes(open_api.db):
        path = f"{BASE}/schedules/{schedule.id}/withdraw"
        refusal = await office.ask(
            "POST", path, {"version": 1}, status=409, code="catalogue.schedule_has_bookings", key="withdraw-1"
        )
        assert refusal["seats"] == 1


async def test_the_same_key_gives_the_same_answer(open_api: OpenApi, office: SlotOffice) -> None:
    body: dict[str, Any] = {"code": "99.02"} | names("科")
    first = await office.ask("POST", f"{BASE}/departments", body, status=201, key="department-1")
    async with nothing_changes(open_api.db):
        assert await office.ask("POST", f"{BASE}/departments", body, status=201, key="department-1") == first
        other = body | {"name_en": "other"}
        mismatch = await office.ask(
            "POST", f"{BASE}/departments", other, status=409, code="idempotency.mismatch", key="department-1"
        )
        assert mismatch["field"] == "name_en"


async def test_the_same_key_changes_and_removes_once(open_api: OpenApi, office: SlotOffice) -> None:
    fee = (await set_up_clinic(office))["fee"]
    path, change = f"{BASE}/fees/{fee['id']}", {"version": 1, "amount_fen": 1}
    changed = await office.ask("PATCH", path, change, status=200, key="change-1")
    assert await office.ask("PATCH", path, change, status=200, key="change-1") == changed
    removed = await office.ask("DELETE", f"{path}?version=2", status=200, key="remove-1")
    async with nothing_changes(open_api.db):
        assert await office.ask("DELETE", f"{path}?version=2", status=200, key="remove-1") == removed == changed
        other = await office.ask("DELETE", f"{path}?version=3", status=409, code="idempotency.mismatch", key="remove-1")
        assert other["field"] == "version"


async def test_a_whole_number_may_be_written_with_a_point(open_api: OpenApi, office: SlotOffice) -> None:
    """In JSON 3 and 3.0 are one number; what is stored is 3."""
    made = await set_up_clinic(office)
    path = f"{BASE}/clinics/{made['clinic']['id']}"
    shown = await office.ask("PATCH", path, {"version": 1.0, "age_years_min": 16.0}, status=200)
    assert (shown["version"], repr(shown["age_years_min"])) == (2, "16")


def test_every_refusal_of_the_catalogue_has_a_status() -> None:
    def codes(error: type[HospitalError]) -> set[str]:
        own = {error.code} if "code" in vars(error) else set()
        return own.union(*(codes(one) for one in error.__subclasses__()))

    mine = {code for code in codes(HospitalError) if code.startswith("catalogue.")}
    assert mine == {code for code in STATUS if code.startswith("catalogue.")}
