"""The catalogue's tables as the ORM reads and writes them.

The migrations are the truth; tests/service/booking/test_models.py compares every model with the migrated database.
Seats, holds and appointments have no model: they are written by the statements in `claims.py` alone.
"""

from datetime import time
from typing import Any

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.models import Model

from kernel import ids


class WallTimeField(Field[time], time):
    """A time of day as the clock on the wall in Guangzhou shows it.

    The ORM's own TimeField gives every time a zone (UTC) and wants `timetz`; hours of a clinic have none.
    """

    SQL_TYPE = "TIME"

    def to_python_value(self, value: Any) -> Any:
        """Leave the value as asyncpg gives it."""
        return value


class CodeField(Field[str]):
    """Text that names its row: the ORM's own TextField refuses to be unique, for another database's sake."""

    field_type = str
    SQL_TYPE = "TEXT"


class _Versioned(Model):
    """What the slot office changes: it can be switched off, and `version` counts its changes."""

    active = fields.BooleanField(default=True)
    version = fields.IntField(default=1)

    class Meta:
        abstract = True


class _Named(_Versioned):
    """Has a code of the hospital's own and a name in both languages."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    code = CodeField(unique=True)
    name_zh = fields.TextField()
    name_en = fields.TextField()

    class Meta:
        abstract = True


class Campus(_Named):
    """A site of the hospital (院区). Latitude and longitude in degrees, WGS 84."""

    address = fields.TextField()
    latitude = fields.FloatField()
    longitude = fields.FloatField()

    class Meta:
        table = "campus"


class Department(_Named):
    """A clinical department (科室); `code` is the official subject code (诊疗科目)."""

    pinyin = fields.TextField()
    initials = fields.TextField()
    parent_id = fields.UUIDField(null=True)
    followup_group = fields.TextField(null=True)

    class Meta:
        table = "department"


class Clinic(_Named):
    """A department's outpatient clinic at one campus, with whom it admits."""

    department_id = fields.UUIDField()
    campus_id = fields.UUIDField()
    sex_allowed = fields.SmallIntField(null=True)
    age_years_min = fields.SmallIntField(null=True)
    age_years_max = fields.SmallIntField(null=True)
    is_emergency = fields.BooleanField(default=False)

    class Meta:
        table = "clinic"


class Room(_Named):
    """A consulting room of a clinic."""

    clinic_id = fields.UUIDField()
    floor = fields.TextField(default="")

    class Meta:
        table = "room"


class Practitioner(_Versioned):
    """Somebody patients book: title, department, and the diseases by which they are found."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    code = CodeField(unique=True)
    name = fields.TextField()
    pinyin = fields.TextField()
    initials = fields.TextField()
    title = fields.TextField()
    sex = fields.SmallIntField(default=0)
    department_id = fields.UUIDField()
    keywords = fields.TextField(default="")
    introduction = fields.TextField(default="")

    class Meta:
        table = "practitioner"


class _Coded(_Versioned):
    """A short list of the hospital's own words, each with its name in both languages."""

    code = CodeField(primary_key=True)
    name_zh = fields.TextField()
    name_en = fields.TextField()

    class Meta:
        abstract = True


class ServiceType(_Coded):
    """What kind of visit is sold (号别): general, specialist ...

    counts_noshow: whether staying away counts. gives_followup, takes_followup: whether such a visit is followed up
    for free, and whether such a number may be that follow-up.
    """

    counts_noshow = fields.BooleanField(default=True)
    gives_followup = fields.BooleanField(default=True)
    takes_followup = fields.BooleanField(default=True)

    class Meta:
        table = "service_type"


class Title(_Coded):
    """A professional title (职称), by which registration fees go."""

    class Meta:
        table = "title"


class Channel(_Coded):
    """By which way people book (渠道): mini-program, kiosk, window, partner portals."""

    class Meta:
        table = "channel"


class Pool(_Coded):
    """A share of the seats (号源池), and how long before the clinic what is left of it becomes common."""

    recycle_minutes_before = fields.IntField(null=True)

    class Meta:
        table = "pool"


class Fee(Model):
    """The registration fee of a service type by title, or one practitioner's own; integer fen."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    service_type = fields.TextField()
    title = fields.TextField(null=True)
    practitioner_id = fields.UUIDField(null=True)
    amount_fen = fields.BigIntField()
    version = fields.IntField(default=1)

    class Meta:
        table = "fee"


class CalendarException(Model):
    """What the slot office says a day is, against or ahead of the State Council's notice."""

    date = fields.DateField(primary_key=True)
    kind = fields.TextField()
    name_zh = fields.TextField(default="")
    name_en = fields.TextField(default="")
    source = fields.TextField(default="hospital")
    follows_weekday = fields.SmallIntField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "calendar_day"


class ReleaseRule(_Versioned):
    """When a channel may take seats of a pool; the narrowest scope counts (clinic, service type, hospital)."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    channel = fields.TextField()
    pool = fields.TextField()
    clinic_id = fields.UUIDField(null=True)
    service_type = fields.TextField(null=True)
    kind = fields.TextField()
    days_ahead = fields.SmallIntField(null=True)
    at_time = WallTimeField(null=True)
    fixed_at = fields.DatetimeField(null=True)
    holiday_aware = fields.BooleanField(default=False)

    class Meta:
        table = "release_rule"


class BookingRule(Model):
    """Holds, limits and deadlines; null in a clinic's row means that the hospital's row counts."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    clinic_id = fields.UUIDField(null=True)
    hold_seconds = fields.IntField(null=True)
    once_per_department_day = fields.BooleanField(null=True)
    daily_limit = fields.SmallIntField(null=True)
    cancel_minutes_before = fields.IntField(null=True)
    reschedule_limit = fields.SmallIntField(null=True)
    waitlist_limit = fields.SmallIntField(null=True)
    waitlist_offer_minutes = fields.SmallIntField(null=True)
    waitlist_cutoff_minutes = fields.IntField(null=True)
    return_delay_seconds_min = fields.IntField(null=True)
    return_delay_seconds_max = fields.IntField(null=True)
    check_in_minutes_before = fields.IntField(null=True)
    check_in_minutes_after = fields.IntField(null=True)
    late_minutes_after = fields.IntField(null=True)
    check_in_radius_meters = fields.IntField(null=True)
    fix_accuracy_meters_max = fields.IntField(null=True)
    fix_age_seconds_max = fields.IntField(null=True)
    pass_places = fields.IntField(null=True)
    elderly_years = fields.SmallIntField(null=True)
    priority_minutes = fields.IntField(null=True)
    return_visit_minutes = fields.IntField(null=True)
    emergency_numbers = fields.SmallIntField(null=True)
    emergency_return_minutes = fields.IntField(null=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "booking_rule"


class NoShowRule(_Versioned):
    """So many no-shows within so many days lead to so many days without booking."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    noshow_count = fields.SmallIntField()
    window_days = fields.SmallIntField()
    ban_days = fields.SmallIntField()
    grace_minutes = fields.SmallIntField()

    class Meta:
        table = "noshow_rule"


class FollowUpRule(_Versioned):
    """Within how many days after a paid visit one free number may be had, and whether having arrived is enough."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    days = fields.SmallIntField()
    accepts_arrived = fields.BooleanField()

    class Meta:
        table = "followup_rule"


class RegistrationPaymentRule(_Versioned):
    """When the registration fee is paid; the narrowest scope counts (type and channel, type, channel, hospital)."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    service_type = fields.TextField(null=True)
    channel = fields.TextField(null=True)
    policy = fields.TextField()

    class Meta:
        table = "registration_payment_rule"


class RegistrationPaymentTerms(Model):
    """How long a hold lasts to be paid, where a paid number may move, and what a follow-up asks of its visit."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    pay_seconds = fields.IntField()
    reschedule = fields.TextField()
    follow_up_wants_payment = fields.BooleanField()
    version = fields.IntField(default=1)

    class Meta:
        table = "registration_payment_terms"


class ClaimLimit(_Versioned):
    """How many holds or bookings one telephone, account or device may make in an hour or a day."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    subject = fields.TextField()
    claim = fields.TextField()
    period = fields.TextField()
    count_max = fields.SmallIntField()

    class Meta:
        table = "claim_limit"


class HoldPatternRule(_Versioned):
    """How many events of a pattern of holding and letting go are put before a person, and what follows from it."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    pattern = fields.TextField()
    subject = fields.TextField()
    count_min = fields.SmallIntField()
    window_minutes = fields.IntField()
    gap_minutes = fields.SmallIntField(null=True)
    cool_down_minutes = fields.IntField()
    automatic = fields.BooleanField(default=False)

    class Meta:
        table = "hold_pattern_rule"


class RushRule(_Versioned):
    """How the waiting room at release time works, and whether there is one at all."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    join_minutes_before = fields.SmallIntField()
    turn_seconds = fields.SmallIntField()
    presence_seconds = fields.SmallIntField()
    gate_minutes = fields.SmallIntField()
    closes_minutes_after = fields.SmallIntField()
    tickets_per_person = fields.SmallIntField()
    tickets_per_device = fields.SmallIntField()
    tickets_per_phone = fields.SmallIntField()
    joins_per_second = fields.SmallIntField()
    sold_out_minutes = fields.SmallIntField()
    follows_findings = fields.BooleanField(default=False)

    class Meta:
        table = "rush_rule"


class RushMark(_Versioned):
    """Whether a schedule, or a practitioner's or clinic's schedules, are hot: there is a waiting room at release."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    schedule_id = fields.UUIDField(null=True, unique=True)
    practitioner_id = fields.UUIDField(null=True, unique=True)
    clinic_id = fields.UUIDField(null=True, unique=True)
    is_hot = fields.BooleanField(default=True)

    class Meta:
        table = "rush_mark"


class ScheduleTemplate(_Versioned):
    """A practitioner's weekly clinic: when, where, how many seats, and which share goes to which pool."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    practitioner_id = fields.UUIDField()
    clinic_id = fields.UUIDField()
    room_id = fields.UUIDField()
    service_type = fields.TextField()
    weekday = fields.SmallIntField()
    period = fields.TextField()
    starts = WallTimeField()
    ends = WallTimeField()
    slot_minutes = fields.SmallIntField()
    seats_per_slot = fields.SmallIntField()
    quotas: "fields.Field[dict[str, int]]" = fields.JSONField(default=dict)
    works_on_holidays = fields.BooleanField(default=False)
    valid_from = fields.DateField()
    valid_until = fields.DateField(null=True)

    class Meta:
        table = "schedule_template"


class Schedule(Model):
    """A practitioner's clinic on one day and period, as sold."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    template_id = fields.UUIDField(null=True)
    practitioner_id = fields.UUIDField()
    clinic_id = fields.UUIDField()
    department_id = fields.UUIDField()
    campus_id = fields.UUIDField()
    room_id = fields.UUIDField()
    service_type = fields.TextField()
    clinic_date = fields.DateField()
    period = fields.TextField()
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    fee_fen = fields.BigIntField()
    status = fields.TextField(default="active")
    version = fields.IntField(default=1)

    class Meta:
        table = "schedule"
