"""The kinds of entries that the slot office keeps, and what is particular to each: references, rules, consequences."""

from typing import Final

from booking import models
from booking.catalogue import errors
from booking.catalogue.announcing import WINDOW_POOL, announce_coming_schedules, announce_practitioner
from booking.catalogue.entries import Kind, Reference, Use, Values
from booking.catalogue.generation import require_hours
from booking.catalogue.pinyin import spell_name, spell_text
from booking.catalogue.quotas import COMMON, EMERGENCY, require_quotas
from booking.catalogue.releases import recompute_releases
from kernel import clock
from kernel.db import Transaction

_CODED: Final = frozenset({"code"})


def _in_use(table: str, column: str) -> Use:
    return Use(table, f"{table} WHERE {column} = $1 AND active")


def _in_coming_schedules(column: str) -> Use:
    return Use("schedule", f"schedule WHERE {column} = $1 AND status = 'active' AND ends_at > $2")


# --- places


def _spell_department(values: Values) -> Values:
    pinyin, initials = spell_text(values["name_zh"])
    return {"pinyin": pinyin, "initials": initials}


async def _require_no_circle(tx: Transaction, values: Values) -> None:
    """Keep a department from being above itself.

    Raises:
        ValueNotAllowed.
    """
    if values["parent_id"] is not None and await tx.fetchval(
        "WITH RECURSIVE above AS (SELECT id, parent_id FROM department WHERE id = $1"
        " UNION SELECT d.id, d.parent_id FROM department d JOIN above a ON d.id = a.parent_id)"
        " SELECT EXISTS (SELECT FROM above WHERE id = $2)",
        values["parent_id"],
        values["id"],
    ):
        raise errors.ValueNotAllowed(field="parent_id")


async def _require_ages(_tx: Transaction, values: Values) -> None:
    youngest, oldest = values["age_years_min"], values["age_years_max"]
    if youngest is not None and oldest is not None and youngest > oldest:
        raise errors.ValueNotAllowed(field="age_years_max", limit=youngest)


CAMPUS: Final = Kind(
    entity="campus",
    model=models.Campus,
    fixed=_CODED,
    uses=[_in_use("clinic", "campus_id")],
)
DEPARTMENT: Final = Kind(
    entity="department",
    model=models.Department,
    fixed=_CODED,
    references=[Reference("parent_id", "department")],
    uses=[
        _in_use("department", "parent_id"),
        _in_use("clinic", "department_id"),
        _in_use("practitioner", "department_id"),
    ],
    derive=_spell_department,
    require=_require_no_circle,
)
# Schedules copy their clinic's department and campus, so a clinic keeps both for life.
CLINIC: Final = Kind(
    entity="clinic",
    model=models.Clinic,
    fixed=frozenset({"code", "department_id", "campus_id"}),
    references=[Reference("department_id", "department"), Reference("campus_id", "campus")],
    uses=[_in_use("room", "clinic_id"), _in_use("schedule_template", "clinic_id"), _in_coming_schedules("clinic_id")],
    require=_require_ages,
)
ROOM: Final = Kind(
    entity="room",
    model=models.Room,
    fixed=frozenset({"code", "clinic_id"}),
    references=[Reference("clinic_id", "clinic")],
    uses=[_in_use("schedule_template", "room_id"), _in_coming_schedules("room_id")],
)

# --- people


def _spell_practitioner(values: Values) -> Values:
    pinyin, initials = spell_name(values["name"])
    return {"pinyin": pinyin, "initials": initials}


async def _tell_of_practitioner(tx: Transaction, before: Values | None, after: Values | None) -> None:
    assert after is not None, "practitioners are switched off, never removed"
    told = ("name", "title", "department_id", "active")
    if before is None or any(before[name] != after[name] for name in told):
        await announce_practitioner(tx, after["id"])


async def _require_one_payer(_tx: Transaction, values: Values) -> None:
    if (values["title"] is None) == (values["practitioner_id"] is None):
        raise errors.ValueNotAllowed(field="title")


TITLE: Final = Kind(
    entity="title",
    model=models.Title,
    fixed=_CODED,
    uses=[_in_use("practitioner", "title")],
)
PRACTITIONER: Final = Kind(
    entity="practitioner",
    model=models.Practitioner,
    fixed=_CODED,
    references=[Reference("department_id", "department"), Reference("title", "title", "code")],
    uses=[_in_use("schedule_template", "practitioner_id"), _in_coming_schedules("practitioner_id")],
    derive=_spell_practitioner,
    follow=_tell_of_practitioner,
)
SERVICE_TYPE: Final = Kind(
    entity="service_type",
    model=models.ServiceType,
    fixed=_CODED,
    uses=[_in_use("schedule_template", "service_type"), _in_coming_schedules("service_type")],
)
# Schedules keep the fee they were published with; a change counts for those made after it.
FEE: Final = Kind(
    entity="fee",
    model=models.Fee,
    fixed=frozenset({"service_type", "title", "practitioner_id"}),
    references=[
        Reference("service_type", "service_type", "code"),
        Reference("title", "title", "code"),
        Reference("practitioner_id", "practitioner"),
    ],
    unique={"fee_by_title": "title", "fee_by_practitioner": "practitioner_id"},
    require=_require_one_payer,
)

# --- rules of sale

# What check-in and the queue go by; booking/queue reads them.
QUEUE_RULES: Final = (
    "check_in_minutes_before",
    "check_in_minutes_after",
    "late_minutes_after",
    "check_in_radius_meters",
    "fix_accuracy_meters_max",
    "fix_age_seconds_max",
    "pass_places",
    "elderly_years",
    "priority_minutes",
    "return_visit_minutes",
)


async def _reopen_everything(tx: Transaction, _before: Values | None, _after: Values | None) -> None:
    await recompute_releases(tx)


async def _follow_channel(tx: Transaction, before: Values | None, after: Values | None) -> None:
    if before is not None and after is not None and before["active"] != after["active"]:
        await recompute_releases(tx)


async def _require_common(_tx: Transaction, values: Values) -> None:
    if values["code"] == COMMON:
        raise errors.EssentialEntry(entity="pool")


async def _require_never_recycled(_tx: Transaction, values: Values) -> None:
    """What is left of the common pool is common already; the emergency quota is no pool that anybody sets up."""
    if values["code"] == EMERGENCY:
        raise errors.ValueNotAllowed(field="code")
    if values["code"] == COMMON and values["recycle_minutes_before"] is not None:
        raise errors.ValueNotAllowed(field="recycle_minutes_before")


async def _follow_pool(tx: Transaction, before: Values | None, after: Values | None) -> None:
    assert after is not None, "pools are switched off, never removed"
    decides = ("active", "recycle_minutes_before")
    if before is None or all(before[name] == after[name] for name in decides):
        return
    await recompute_releases(tx)
    if after["code"] == WINDOW_POOL:
        await announce_coming_schedules(tx, with_pool=WINDOW_POOL)


async def _require_one_kind(_tx: Transaction, values: Values) -> None:
    """Ask that a release rule has what its kind needs and nothing of the other's."""
    ahead = values["kind"] == "days_ahead"
    for name, wanted in (("days_ahead", ahead), ("at_time", ahead), ("fixed_at", not ahead)):
        if (values[name] is not None) != wanted:
            raise errors.ValueNotAllowed(field=name)
    if values["holiday_aware"] and not ahead:
        raise errors.ValueNotAllowed(field="holiday_aware")
    if values["clinic_id"] is not None and values["service_type"] is not None:
        raise errors.ValueNotAllowed(field="service_type")


async def _follow_release_rule(tx: Transaction, before: Values | None, after: Values | None) -> None:
    scope = after or before
    assert scope is not None, "a change has a before or an after"
    await recompute_releases(tx, clinic_id=scope["clinic_id"], service_type=scope["service_type"])


async def _require_complete(_tx: Transaction, values: Values) -> None:
    """Ask of the hospital's own rule that it answers every question that a clinic may leave to it."""
    if values["clinic_id"] is None:
        for name in (
            "hold_seconds",
            "once_per_department_day",
            "daily_limit",
            "cancel_minutes_before",
            "reschedule_limit",
            "waitlist_limit",
            "waitlist_offer_minutes",
            "waitlist_cutoff_minutes",
            "return_delay_seconds_min",
            "return_delay_seconds_max",
            "emergency_numbers",
            "emergency_return_minutes",
            *QUEUE_RULES,
        ):
            if values[name] is None:
                raise errors.ValueNotAllowed(field=name)
    shortest, longest = values["return_delay_seconds_min"], values["return_delay_seconds_max"]
    if (shortest is None) != (longest is None) or (shortest is not None and shortest > longest):
        raise errors.ValueNotAllowed(field="return_delay_seconds_max")


async def _require_clinics_rule(_tx: Transaction, values: Values) -> None:
    if values["clinic_id"] is None:
        raise errors.EssentialEntry(entity="booking_rule")


CHANNEL: Final = Kind(
    entity="channel",
    model=models.Channel,
    fixed=_CODED,
    uses=[Use("client", "oauth_client WHERE channel = $1 AND status = 'active'")],
    follow=_follow_channel,
)
POOL: Final = Kind(
    entity="pool",
    model=models.Pool,
    fixed=_CODED,
    uses=[
        Use("schedule_template", "schedule_template WHERE active AND quotas ? $1"),
        Use(
            "schedule",
            "schedule s JOIN seat e ON e.schedule_id = s.id"
            " WHERE e.pool = $1 AND s.status = 'active' AND s.ends_at > $2",
        ),
    ],
    require=_require_never_recycled,
    retire=_require_common,
    follow=_follow_pool,
)
RELEASE_RULE: Final = Kind(
    entity="release_rule",
    model=models.ReleaseRule,
    fixed=frozenset({"channel", "pool", "clinic_id", "service_type"}),
    references=[
        Reference("channel", "channel", "code"),
        Reference("pool", "pool", "code"),
        Reference("clinic_id", "clinic"),
        Reference("service_type", "service_type", "code"),
    ],
    unique={"release_rule_scope": "channel"},
    require=_require_one_kind,
    follow=_follow_release_rule,
)
BOOKING_RULE: Final = Kind(
    entity="booking_rule",
    model=models.BookingRule,
    fixed=frozenset({"clinic_id"}),
    references=[Reference("clinic_id", "clinic")],
    unique={"booking_rule_scope": "clinic_id"},
    require=_require_complete,
    retire=_require_clinics_rule,
)


async def _require_gate_within(_tx: Transaction, values: Values) -> None:
    if values["gate_minutes"] > values["closes_minutes_after"]:
        raise errors.ValueNotAllowed(field="gate_minutes", limit=values["closes_minutes_after"])


async def _require_one_target(tx: Transaction, values: Values) -> None:
    """Ask that a mark is of one schedule, practitioner or clinic; schedules are withdrawn, not switched off."""
    if sum(values[name] is not None for name in _MARKED) != 1:
        raise errors.ValueNotAllowed(field="schedule_id")
    if values["schedule_id"] is not None and not await tx.fetchval(
        "SELECT true FROM schedule WHERE id = $1 AND status = 'active' FOR KEY SHARE", values["schedule_id"]
    ):
        raise errors.ReferenceUnknown(field="schedule_id")


_MARKED: Final = ("schedule_id", "practitioner_id", "clinic_id")
RUSH_RULE: Final = Kind(entity="rush_rule", model=models.RushRule, require=_require_gate_within)
RUSH_MARK: Final = Kind(
    entity="rush_mark",
    model=models.RushMark,
    fixed=frozenset(_MARKED),
    references=[
        Reference("practitioner_id", "practitioner"),
        Reference("clinic_id", "clinic"),
    ],
    unique={f"rush_mark_{name.removesuffix('_id')}": name for name in _MARKED},
    require=_require_one_target,
)
CLAIM_LIMIT: Final = Kind(
    entity="claim_limit", model=models.ClaimLimit, fixed=frozenset({"subject", "claim", "period"})
)


async def _require_scope(_tx: Transaction, values: Values) -> None:
    if values["service_type"] is None and values["channel"] is None:
        raise errors.EssentialEntry(entity="registration_payment_rule")


REGISTRATION_PAYMENT_RULE: Final = Kind(
    entity="registration_payment_rule",
    model=models.RegistrationPaymentRule,
    fixed=frozenset({"service_type", "channel"}),
    references=[Reference("service_type", "service_type", "code"), Reference("channel", "channel", "code")],
    unique={"registration_payment_rule_scope": "channel"},
    retire=_require_scope,
)
REGISTRATION_PAYMENT_TERMS: Final = Kind(entity="registration_payment_terms", model=models.RegistrationPaymentTerms)
FOLLOWUP_RULE: Final = Kind(entity="followup_rule", model=models.FollowUpRule)


async def _require_gap(_tx: Transaction, values: Values) -> None:
    if (values["pattern"] == "hand-over") != (values["gap_minutes"] is not None):
        raise errors.ValueNotAllowed(field="gap_minutes")


HOLD_PATTERN_RULE: Final = Kind(
    entity="hold_pattern_rule",
    model=models.HoldPatternRule,
    fixed=frozenset({"pattern", "subject"}),
    require=_require_gap,
)
NOSHOW_RULE: Final = Kind(entity="noshow_rule", model=models.NoShowRule)

# --- calendar and templates


async def _require_coming_day(_tx: Transaction, values: Values) -> None:
    if values["date"] < clock.today():
        raise errors.DayPast(date=values["date"].isoformat())


async def _require_day(tx: Transaction, values: Values) -> None:
    await _require_coming_day(tx, values)
    if values["follows_weekday"] is not None and values["kind"] != "workday":
        raise errors.ValueNotAllowed(field="follows_weekday")


async def _require_template(tx: Transaction, values: Values) -> None:
    require_hours(
        starts=values["starts"],
        ends=values["ends"],
        slot_minutes=values["slot_minutes"],
        seats_per_slot=values["seats_per_slot"],
    )
    if values["valid_until"] is not None and values["valid_until"] < values["valid_from"]:
        raise errors.ValueNotAllowed(field="valid_until", limit=values["valid_from"].isoformat())
    await require_room_of_clinic(tx, values)
    await require_quotas(tx, values["quotas"])


async def require_room_of_clinic(tx: Transaction, values: Values) -> None:
    """Ask that the room is one of the clinic's.

    Raises:
        ReferenceMismatch.
    """
    if await tx.fetchval("SELECT clinic_id FROM room WHERE id = $1", values["room_id"]) != values["clinic_id"]:
        raise errors.ReferenceMismatch(field="room_id")


# Schedules that stand already stay as they are when a day becomes a holiday: the preview shows what differs.
CALENDAR_DAY: Final = Kind(
    entity="calendar_day",
    model=models.CalendarException,
    fixed=frozenset({"date"}),
    require=_require_day,
    retire=_require_coming_day,
    follow=_reopen_everything,
)
SCHEDULE_TEMPLATE: Final = Kind(
    entity="schedule_template",
    model=models.ScheduleTemplate,
    references=[
        Reference("practitioner_id", "practitioner"),
        Reference("clinic_id", "clinic"),
        Reference("room_id", "room"),
        Reference("service_type", "service_type", "code"),
    ],
    require=_require_template,
)
