"""Keeping entries: what is refused changes nothing, what is done is logged and followed up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from booking.catalogue import errors, generation, kinds
from booking.catalogue.entries import Kind, change_entry, create_entry, get_entry, list_entries, remove_entry
from kernel import clock
from kernel.errors import HospitalError
from kernel.idempotency import Idempotency, IdempotencyMismatch
from tests.factories.slot_office import HOSPITAL_RULE, OFFICE, WEDNESDAY, Catalogue, at, names, nothing_changes

Attempt = Callable[[Catalogue], Awaitable[Any]]


async def refused(catalogue: Catalogue, attempt: Awaitable[Any], error: type[HospitalError], **details: object) -> None:
    """See an attempt refused with exactly these details, and nothing changed by it."""
    async with nothing_changes(catalogue.db):
        with pytest.raises(error) as raised:
            await attempt
    assert raised.value.details == details


# --- what is done


async def test_a_new_entry_is_logged_with_who_and_what(catalogue: Catalogue) -> None:
    room = await catalogue.add(kinds.ROOM, code="YX0301-02", clinic_id=catalogue.of("clinic"), **names("2 诊室"))

    assert room == {
        "id": room["id"],
        "code": "YX0301-02",
        "name_zh": "2 诊室",
        "name_en": "2 诊室",
        "clinic_id": catalogue.of("clinic"),
        "floor": "",
        "active": True,
        "version": 1,
    }
    assert await get_entry(kinds.ROOM, catalogue.ids["room"]) == room
    assert await catalogue.last_change() == {
        "entity": "room",
        "entity_id": room["id"],
        "action": "created",
        "before": None,
        "after": room,
        "client_id": "slot-office",
        "staff_code": "S0001",
        "request_id": "request-0001",
        "on_behalf_of": None,
    }


async def test_a_change_counts_the_version_and_logs_before_and_after(catalogue: Catalogue) -> None:
    before = await get_entry(kinds.CLINIC, catalogue.ids["clinic"])
    after = await catalogue.change(kinds.CLINIC, before, sex_allowed=2, age_years_min=14)

    assert after == before | {"sex_allowed": 2, "age_years_min": 14, "version": 2}
    assert await get_entry(kinds.CLINIC, catalogue.ids["clinic"]) == after
    assert await catalogue.last_change() == {
        "entity": "clinic",
        "entity_id": before["id"],
        "action": "updated",
        "before": before,
        "after": after,
        "client_id": "slot-office",
        "staff_code": "S0001",
        "request_id": "request-0001",
        "on_behalf_of": None,
    }


async def test_a_removal_is_logged(catalogue: Catalogue) -> None:
    fee = await get_entry(kinds.FEE, catalogue.ids["fee"])
    assert await remove_entry(kinds.FEE, catalogue.ids["fee"], version=1, actor=OFFICE) == fee
    with pytest.raises(errors.EntryNotFound):
        await get_entry(kinds.FEE, catalogue.ids["fee"])
    change = await catalogue.last_change()
    assert (change["action"], change["before"], change["after"]) == ("deleted", fee, None)


async def test_a_template_and_a_rule_change_in_all_their_kinds_of_values(catalogue: Catalogue) -> None:
    """Hours, days, percents and instants come back as they were given, and as they are read later."""
    template = await catalogue.template()
    changes = {
        "starts": "08:30",
        "ends": "11:30",
        "quotas": {"window": 10, "city_portal": 5},
        "valid_until": "2026-12-31",
    }
    changed = await catalogue.change(kinds.SCHEDULE_TEMPLATE, template, **changes)
    assert changed == template | changes | {"version": 2}
    assert await get_entry(kinds.SCHEDULE_TEMPLATE, catalogue.ids["schedule_template"]) == changed

    rule = await catalogue.rule()
    fixed = {"kind": "fixed", "days_ahead": None, "at_time": None, "fixed_at": "2026-09-10T12:00:00+08:00"}
    changed = await catalogue.change(kinds.RELEASE_RULE, rule, **fixed)
    assert changed == rule | fixed | {"fixed_at": "2026-09-10T04:00:00+00:00", "version": 2}
    assert await get_entry(kinds.RELEASE_RULE, catalogue.ids["release_rule"]) == changed


async def test_the_same_values_change_nothing(catalogue: Catalogue) -> None:
    clinic = await get_entry(kinds.CLINIC, catalogue.ids["clinic"])
    async with nothing_changes(catalogue.db):
        assert await catalogue.change(kinds.CLINIC, clinic, name_en=clinic["name_en"]) == clinic


async def test_names_are_spelled_for_those_who_type_pinyin(catalogue: Catalogue) -> None:
    practitioner = await get_entry(kinds.PRACTITIONER, catalogue.ids["practitioner"])
    assert (practitioner["pinyin"], practitioner["initials"]) == ("zengxiaoming", "zxm")
    renamed = await catalogue.change(kinds.PRACTITIONER, practitioner, name="单于丹")
    assert (renamed["pinyin"], renamed["initials"]) == ("chanyudan", "cyd")
    department = await get_entry(kinds.DEPARTMENT, catalogue.ids["department"])
    assert (department["pinyin"], department["initials"]) == ("huxineike", "hxnk")


async def test_the_his_hears_of_practitioners_when_what_it_knows_changes(catalogue: Catalogue) -> None:
    practitioner = await get_entry(kinds.PRACTITIONER, catalogue.ids["practitioner"])
    practitioner = await catalogue.change(kinds.PRACTITIONER, practitioner, keywords="哮喘")
    assert await catalogue.letters() == []
    await catalogue.change(kinds.PRACTITIONER, practitioner, title="attending")
    assert await catalogue.letters() == [("practitioner.changed", f"practitioner:{practitioner['id']}")]


async def test_lists_are_in_the_order_of_keys_and_filtered(catalogue: Catalogue) -> None:
    codes = [pool["code"] for pool in await list_entries(kinds.POOL, filters={}, after=None, limit=2)]
    assert codes == ["city_portal", "common"]
    rest = await list_entries(kinds.POOL, filters={}, after="common", limit=2)
    assert [pool["code"] for pool in rest] == ["window"]
    mine = {"clinic_id": catalogue.of("clinic"), "active": True}
    assert [room["code"] for room in await list_entries(kinds.ROOM, filters=mine, after=None, limit=9)] == ["YX0301-01"]
    assert await list_entries(kinds.ROOM, filters=mine | {"active": False}, after=None, limit=9) == []


async def test_two_changes_from_one_version_make_one_change(catalogue: Catalogue) -> None:
    clinic = await get_entry(kinds.CLINIC, catalogue.ids["clinic"])
    answers = await asyncio.gather(
        *(catalogue.change(kinds.CLINIC, clinic, age_years_max=n) for n in range(1, 6)), return_exceptions=True
    )
    conflicts = [answer for answer in answers if isinstance(answer, errors.VersionConflict)]
    assert [conflict.details for conflict in conflicts] == [{"current": 2}] * 4
    assert (await get_entry(kinds.CLINIC, catalogue.ids["clinic"]))["version"] == 2


async def test_nobody_refers_to_what_is_being_switched_off(catalogue: Catalogue) -> None:
    """Either the new room stands and the clinic stays, or the clinic goes and the room is refused."""
    await catalogue.change(kinds.ROOM, await get_entry(kinds.ROOM, catalogue.ids["room"]), active=False)
    clinic = await get_entry(kinds.CLINIC, catalogue.ids["clinic"])
    rooms = [{"code": f"R{n}", "clinic_id": clinic["id"]} | names("r") for n in range(3)]
    await asyncio.gather(
        catalogue.change(kinds.CLINIC, clinic, active=False),
        *(create_entry(kinds.ROOM, room, actor=OFFICE) for room in rooms),
        return_exceptions=True,
    )
    stays = (await get_entry(kinds.CLINIC, catalogue.ids["clinic"]))["active"]
    made = await list_entries(kinds.ROOM, filters={"active": True}, after=None, limit=9)
    assert stays == bool(made)


# --- the same key, the same answer


def key(**hashes: str) -> Idempotency:
    """A caller's key for adding a room."""
    return Idempotency("slot-office", "key-1", "POST /administration/rooms", hashes)


async def test_a_repeated_key_gives_the_first_answer(catalogue: Catalogue) -> None:
    values = {"code": "YX0301-09", "clinic_id": catalogue.of("clinic")} | names("r")
    first, second = await asyncio.gather(
        *(create_entry(kinds.ROOM, values, actor=OFFICE, idempotency=key(code="a")) for _ in range(2))
    )
    assert first == second
    assert await catalogue.db.fetchval("SELECT count(*) FROM room WHERE code = 'YX0301-09'") == 1
    assert await catalogue.db.fetchval("SELECT count(*) FROM change_log WHERE entity_id = $1", first["id"]) == 1
    with pytest.raises(IdempotencyMismatch) as raised:
        await create_entry(kinds.ROOM, values, actor=OFFICE, idempotency=key(code="b"))
    assert raised.value.details == {"field": "code"}


async def test_a_refusal_is_not_remembered(catalogue: Catalogue) -> None:
    values = {"code": "YX0301-01", "clinic_id": catalogue.of("clinic")} | names("r")
    for _ in range(2):
        await refused(
            catalogue,
            create_entry(kinds.ROOM, values, actor=OFFICE, idempotency=key(code="a")),
            errors.Duplicate,
            entity="room",
            field="code",
        )


# --- what is refused


async def test_an_absent_entry_is_not_found(catalogue: Catalogue) -> None:
    absent = uuid4()
    await refused(catalogue, get_entry(kinds.ROOM, absent), errors.EntryNotFound, entity="room")
    change = change_entry(kinds.ROOM, absent, {"floor": "2F"}, version=1, actor=OFFICE)
    await refused(catalogue, change, errors.EntryNotFound, entity="room")
    await refused(
        catalogue, remove_entry(kinds.FEE, absent, version=1, actor=OFFICE), errors.EntryNotFound, entity="fee"
    )


async def test_an_old_version_is_refused(catalogue: Catalogue) -> None:
    change = change_entry(kinds.ROOM, catalogue.ids["room"], {"floor": "2F"}, version=7, actor=OFFICE)
    await refused(catalogue, change, errors.VersionConflict, current=1)
    removal = remove_entry(kinds.FEE, catalogue.ids["fee"], version=7, actor=OFFICE)
    await refused(catalogue, removal, errors.VersionConflict, current=1)


async def test_an_empty_change_and_a_fixed_field_are_refused(catalogue: Catalogue) -> None:
    nothing = change_entry(kinds.ROOM, catalogue.ids["room"], {}, version=1, actor=OFFICE)
    await refused(catalogue, nothing, errors.NothingToChange)
    recoded = change_entry(kinds.ROOM, catalogue.ids["room"], {"code": "X"}, version=1, actor=OFFICE)
    await refused(catalogue, recoded, errors.FieldNotChangeable, field="code")


COMPLETE: dict[str, Any] = {
    "hold_seconds": 60,
    "once_per_department_day": True,
    "daily_limit": 1,
    "cancel_minutes_before": 0,
    "reschedule_limit": 0,
    "waitlist_limit": 1,
    "waitlist_offer_minutes": 15,
    "waitlist_cutoff_minutes": 0,
    "return_delay_seconds_min": 0,
    "return_delay_seconds_max": 0,
    "check_in_minutes_before": 60,
    "check_in_minutes_after": 60,
    "late_minutes_after": 15,
    "check_in_radius_meters": 300,
    "fix_accuracy_meters_max": 100,
    "fix_age_seconds_max": 60,
    "pass_places": 3,
    "elderly_years": 70,
    "priority_minutes": 15,
    "return_visit_minutes": 30,
    "emergency_numbers": 0,
    "emergency_return_minutes": 60,
}
DUPLICATES: list[tuple[Kind, Callable[[Catalogue], dict[str, Any]], str]] = [
    (kinds.CAMPUS, lambda _: {"code": "YX", "address": "a", "latitude": 1, "longitude": 1} | names("c"), "code"),
    (kinds.DEPARTMENT, lambda _: {"code": "03.01"} | names("d"), "code"),
    (kinds.CHANNEL, lambda _: {"code": "window"} | names("c"), "code"),
    (kinds.POOL, lambda _: {"code": "common"} | names("p"), "code"),
    (kinds.SERVICE_TYPE, lambda _: {"code": "general"} | names("g"), "code"),
    (kinds.TITLE, lambda _: {"code": "chief"} | names("t"), "code"),
    (kinds.FEE, lambda _: {"service_type": "general", "title": "chief", "amount_fen": 1}, "title"),
    (kinds.BOOKING_RULE, lambda _: {"clinic_id": None} | COMPLETE, "clinic_id"),
    (
        kinds.PRACTITIONER,
        lambda c: {"code": "D0001", "name": "单雄信", "title": "chief", "department_id": c.of("department")},
        "code",
    ),
]


@pytest.mark.parametrize(("kind", "values", "field"), DUPLICATES, ids=lambda one: getattr(one, "entity", None))
async def test_what_stands_already_is_refused(
    catalogue: Catalogue, kind: Kind, values: Callable[[Catalogue], dict[str, Any]], field: str
) -> None:
    attempt = create_entry(kind, values(catalogue), actor=OFFICE)
    await refused(catalogue, attempt, errors.Duplicate, entity=kind.entity, field=field)


async def test_a_second_release_rule_of_the_same_scope_is_refused(catalogue: Catalogue) -> None:
    await catalogue.rule()
    await refused(catalogue, catalogue.rule(days_ahead=3), errors.Duplicate, entity="release_rule", field="channel")


REFERENCES: list[tuple[Kind, str, Any]] = [
    (kinds.DEPARTMENT, "parent_id", str(uuid4())),
    (kinds.CLINIC, "department_id", str(uuid4())),
    (kinds.CLINIC, "campus_id", str(uuid4())),
    (kinds.ROOM, "clinic_id", str(uuid4())),
    (kinds.PRACTITIONER, "department_id", str(uuid4())),
    (kinds.PRACTITIONER, "title", "wizard"),
    (kinds.FEE, "service_type", "unknown"),
    (kinds.RELEASE_RULE, "channel", "unknown"),
    (kinds.RELEASE_RULE, "pool", "unknown"),
    (kinds.BOOKING_RULE, "clinic_id", str(uuid4())),
    (kinds.SCHEDULE_TEMPLATE, "practitioner_id", str(uuid4())),
    (kinds.SCHEDULE_TEMPLATE, "service_type", "unknown"),
]


@pytest.mark.parametrize(("kind", "field", "unknown"), REFERENCES, ids=[f"{k.entity}-{f}" for k, f, _ in REFERENCES])
async def test_a_reference_to_nothing_is_refused(catalogue: Catalogue, kind: Kind, field: str, unknown: Any) -> None:
    values: dict[str, dict[str, Any]] = {
        "department": {"code": "09"} | names("d"),
        "clinic": {"code": "C", "department_id": catalogue.of("department"), "campus_id": catalogue.of("campus")}
        | names("c"),
        "room": {"code": "R"} | names("r"),
        "practitioner": {"code": "D9", "name": "解珍", "title": "chief", "department_id": catalogue.of("department")},
        "fee": {"title": "chief", "amount_fen": 1},
        "release_rule": {"channel": "window", "pool": "window", "kind": "fixed", "fixed_at": "2026-09-01T00:00:00Z"},
        "booking_rule": {},
        "schedule_template": catalogue.template_values(),
    }
    attempt = create_entry(kind, values[kind.entity] | {field: unknown}, actor=OFFICE)
    await refused(catalogue, attempt, errors.ReferenceUnknown, field=field)


async def test_a_reference_to_what_is_switched_off_is_refused(catalogue: Catalogue) -> None:
    channel = await catalogue.add(kinds.CHANNEL, code="phone", **names("phone"))
    await catalogue.change(kinds.CHANNEL, channel, active=False)
    await refused(catalogue, catalogue.rule(channel="phone"), errors.ReferenceUnknown, field="channel")


async def test_what_others_need_is_not_switched_off(catalogue: Catalogue) -> None:
    """From the top of the hospital down: each entry is needed by the next, until nothing needs it."""
    template = await catalogue.template()
    needed = [
        (kinds.CAMPUS, "clinic"),
        (kinds.DEPARTMENT, "clinic"),
        (kinds.CLINIC, "room"),
        (kinds.ROOM, "schedule_template"),
        (kinds.PRACTITIONER, "schedule_template"),
    ]
    for kind, by in needed:
        entry = await get_entry(kind, catalogue.ids[kind.entity])
        await refused(catalogue, catalogue.change(kind, entry, active=False), errors.InUse, by=by)
    for kind, code, by in (
        (kinds.SERVICE_TYPE, "general", "schedule_template"),
        (kinds.TITLE, "chief", "practitioner"),
        (kinds.POOL, "window", "schedule_template"),
    ):
        entry = await get_entry(kind, code)
        await refused(catalogue, catalogue.change(kind, entry, active=False), errors.InUse, by=by)

    await catalogue.change(kinds.SCHEDULE_TEMPLATE, template, active=False)
    for kind, _ in reversed(needed):
        entry = await get_entry(kind, catalogue.ids[kind.entity])
        assert (await catalogue.change(kind, entry, active=False))["active"] is False
    again = await get_entry(kinds.SCHEDULE_TEMPLATE, catalogue.ids["schedule_template"])
    revival = catalogue.change(kinds.SCHEDULE_TEMPLATE, again, active=True)
    await refused(catalogue, revival, errors.ReferenceUnknown, field="clinic_id")


async def test_what_coming_schedules_need_is_not_switched_off(catalogue: Catalogue) -> None:
    template = await catalogue.template()
    await generation.generate_schedules(first=WEDNESDAY, last=WEDNESDAY + timedelta(days=7), actor=OFFICE)
    await catalogue.change(kinds.SCHEDULE_TEMPLATE, template, active=False)
    for kind, id_or_code in (
        (kinds.PRACTITIONER, catalogue.ids["practitioner"]),
        (kinds.ROOM, catalogue.ids["room"]),
        (kinds.SERVICE_TYPE, "general"),
        (kinds.POOL, "window"),
    ):
        entry = await get_entry(kind, id_or_code)
        await refused(catalogue, catalogue.change(kind, entry, active=False), errors.InUse, by="schedule")
    with clock.frozen(at(WEDNESDAY + timedelta(days=7), 12)):
        entry = await get_entry(kinds.ROOM, catalogue.ids["room"])
        assert (await catalogue.change(kinds.ROOM, entry, active=False))["version"] == 2


async def test_a_channel_that_applications_use_is_not_switched_off(catalogue: Catalogue) -> None:
    await catalogue.db.execute(
        "INSERT INTO oauth_client (id, name, kind, channel, scopes)"
        " VALUES ('portal', 'p', 'partner', 'city_portal', '{}')"
    )
    channel = await get_entry(kinds.CHANNEL, "city_portal")
    await refused(catalogue, catalogue.change(kinds.CHANNEL, channel, active=False), errors.InUse, by="client")


async def test_the_hospital_keeps_its_common_pool_and_its_booking_rule(catalogue: Catalogue) -> None:
    common = await get_entry(kinds.POOL, "common")
    await refused(catalogue, catalogue.change(kinds.POOL, common, active=False), errors.EssentialEntry, entity="pool")
    recycled = catalogue.change(kinds.POOL, common, recycle_minutes_before=60)
    await refused(catalogue, recycled, errors.ValueNotAllowed, field="recycle_minutes_before")
    removal = remove_entry(kinds.BOOKING_RULE, HOSPITAL_RULE, version=1, actor=OFFICE)
    await refused(catalogue, removal, errors.EssentialEntry, entity="booking_rule")
    rule = await get_entry(kinds.BOOKING_RULE, HOSPITAL_RULE)
    silent = catalogue.change(kinds.BOOKING_RULE, rule, daily_limit=None)
    await refused(catalogue, silent, errors.ValueNotAllowed, field="daily_limit")


async def test_a_clinics_booking_rule_may_be_silent_and_may_go(catalogue: Catalogue) -> None:
    rule = await catalogue.add(kinds.BOOKING_RULE, clinic_id=catalogue.of("clinic"), hold_seconds=300)
    assert (rule["hold_seconds"], rule["daily_limit"], rule["version"]) == (300, None, 1)
    assert await remove_entry(kinds.BOOKING_RULE, rule["id"], version=1, actor=OFFICE) == rule


RULES: list[tuple[dict[str, Any], str]] = [
    ({"days_ahead": None}, "days_ahead"),
    ({"at_time": None}, "at_time"),
    ({"fixed_at": "2026-09-30T00:00:00Z"}, "fixed_at"),
    ({"kind": "fixed"}, "days_ahead"),
    ({"kind": "fixed", "days_ahead": None, "at_time": None}, "fixed_at"),
    (
        {
            "kind": "fixed",
            "days_ahead": None,
            "at_time": None,
            "fixed_at": "2026-09-30T00:00:00Z",
            "holiday_aware": True,
        },
        "holiday_aware",
    ),
]


@pytest.mark.parametrize(("values", "field"), RULES, ids=lambda one: one if isinstance(one, str) else None)
async def test_a_release_rule_has_what_its_kind_needs(catalogue: Catalogue, values: dict[str, Any], field: str) -> None:
    await refused(catalogue, catalogue.rule(**values), errors.ValueNotAllowed, field=field)


async def test_a_release_rule_has_one_scope(catalogue: Catalogue) -> None:
    both = catalogue.rule(clinic_id=catalogue.of("clinic"), service_type="general")
    await refused(catalogue, both, errors.ValueNotAllowed, field="service_type")


async def test_ages_and_fees_must_make_sense(catalogue: Catalogue) -> None:
    clinic = await get_entry(kinds.CLINIC, catalogue.ids["clinic"])
    ages = catalogue.change(kinds.CLINIC, clinic, age_years_min=18, age_years_max=17)
    await refused(catalogue, ages, errors.ValueNotAllowed, field="age_years_max", limit=18)
    for values in (
        {"title": None, "practitioner_id": None},
        {"title": "chief", "practitioner_id": catalogue.of("practitioner")},
    ):
        fee = catalogue.add(kinds.FEE, service_type="general", amount_fen=1, **values)
        await refused(catalogue, fee, errors.ValueNotAllowed, field="title")


async def test_no_department_is_above_itself(catalogue: Catalogue) -> None:
    top = await get_entry(kinds.DEPARTMENT, catalogue.ids["department"])
    below = await catalogue.add(kinds.DEPARTMENT, code="03.01.1", parent_id=top["id"], **names("d"))
    circle = catalogue.change(kinds.DEPARTMENT, top, parent_id=below["id"])
    await refused(catalogue, circle, errors.ValueNotAllowed, field="parent_id")


TEMPLATES: list[tuple[dict[str, Any], type[HospitalError], dict[str, object]]] = [
    ({"ends": "08:00"}, errors.ValueNotAllowed, {"field": "ends", "limit": "08:00"}),
    ({"ends": "08:20"}, errors.ValueNotAllowed, {"field": "slot_minutes", "limit": 20}),
    ({"seats_per_slot": 200, "slot_minutes": 5}, errors.ValueNotAllowed, {"field": "seats_per_slot", "limit": 55}),
    ({"starts": "00:00", "ends": "23:59", "slot_minutes": 5}, errors.ValueNotAllowed,
     {"field": "slot_minutes", "limit": 200}),
    ({"valid_until": "2025-12-31"}, errors.ValueNotAllowed, {"field": "valid_until", "limit": "2026-01-01"}),
    ({"quotas": {"common": 10}}, errors.QuotaInvalid, {"reason": "common", "pool": "common"}),
    ({"quotas": {"nowhere": 10}}, errors.QuotaInvalid, {"reason": "pool", "pool": "nowhere"}),
    ({"quotas": {"window": 60, "city_portal": 41}}, errors.QuotaInvalid, {"reason": "total"}),
]  # fmt: skip


@pytest.mark.parametrize(("values", "error", "details"), TEMPLATES, ids=[str(t[0]) for t in TEMPLATES])
async def test_a_template_must_make_sense(
    catalogue: Catalogue, values: dict[str, Any], error: type[HospitalError], details: dict[str, object]
) -> None:
    await refused(catalogue, catalogue.template(**values), error, **details)


async def test_a_template_is_given_in_a_room_of_its_clinic(catalogue: Catalogue) -> None:
    clinic = catalogue.of("clinic")
    await catalogue.add(
        kinds.CLINIC, code="YX0301B", department_id=catalogue.of("department"), campus_id=catalogue.of("campus"),
        **names("c"),
    )  # fmt: skip
    attempt = catalogue.template(clinic_id=catalogue.of("clinic"))
    assert clinic != catalogue.of("clinic")
    await refused(catalogue, attempt, errors.ReferenceMismatch, field="room_id")


@pytest.mark.parametrize("values", [{}, {"period": "afternoon", "starts": "10:30", "ends": "12:00"}])
async def test_a_practitioner_has_one_clinic_at_a_time(catalogue: Catalogue, values: dict[str, Any]) -> None:
    await catalogue.template()
    await refused(catalogue, catalogue.template(**values), errors.ScheduleClash)
    assert (await catalogue.template(**values, weekday=4))["weekday"] == 4


async def test_a_template_may_follow_another(catalogue: Catalogue) -> None:
    first = await catalogue.template(valid_until="2026-09-30")
    assert (await catalogue.template(valid_from="2026-10-01"))["version"] == 1
    longer = catalogue.change(kinds.SCHEDULE_TEMPLATE, first, valid_until="2026-10-01")
    await refused(catalogue, longer, errors.ScheduleClash)


async def test_the_past_is_not_a_day_to_change(catalogue: Catalogue) -> None:
    yesterday = WEDNESDAY - timedelta(days=1)
    past = catalogue.add(kinds.CALENDAR_DAY, date=yesterday.isoformat(), kind="holiday")
    await refused(catalogue, past, errors.DayPast, date=yesterday.isoformat())
    holiday = catalogue.add(kinds.CALENDAR_DAY, date="2026-09-03", kind="holiday", follows_weekday=1)
    await refused(catalogue, holiday, errors.ValueNotAllowed, field="follows_weekday")
    today = await catalogue.add(kinds.CALENDAR_DAY, date=WEDNESDAY.isoformat(), kind="holiday", name_zh="院庆")
    with clock.frozen(at(WEDNESDAY + timedelta(days=1))):
        removal = remove_entry(kinds.CALENDAR_DAY, WEDNESDAY, version=1, actor=OFFICE)
        await refused(catalogue, removal, errors.DayPast, date=today["date"])
