"""Who may take a number when, at the instants where it turns."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from booking import errors, rules
from booking.facts import SlotFacts
from kernel.errors import HospitalError
from kernel.ids import new_id
from patients.queries import PatientFacts

STARTS = datetime(2027, 3, 1, 1, 0, tzinfo=UTC)  # 09:00 in Guangzhou
MAN = PatientFacts(1, date(1980, 5, 17))

SLOT = SlotFacts(
    slot_id=new_id(),
    schedule_id=new_id(),
    starts_at=STARTS,
    ends_at=STARTS + timedelta(minutes=30),
    clinic_date=date(2027, 3, 1),
    practitioner_id=new_id(),
    clinic_id=new_id(),
    department_id=new_id(),
    campus_id=new_id(),
    room_id=new_id(),
    service_type="general",
    fee_fen=1000,
    active=True,
    sex_allowed=None,
    age_years_min=None,
    age_years_max=None,
    is_emergency=False,
    has_limits=False,
    has_cool_downs=False,
    hold_seconds=900,
    once_per_department_day=True,
    daily_limit=3,
    cancel_minutes_before=30,
    reschedule_limit=2,
    released=True,
    pools=("common",),
    opens_next=None,
    has_seat=True,
    settle_first=False,
)


def test_an_open_coming_slot_may_be_booked_until_it_begins() -> None:
    rules.require_bookable(SLOT, at=STARTS - timedelta(microseconds=1))
    for at in (STARTS, STARTS + timedelta(days=1)):
        with pytest.raises(errors.SlotPast) as refused:
            rules.require_bookable(SLOT, at=at)
        assert refused.value.details == {"starts_at": STARTS}


@pytest.mark.parametrize("changes", [{"active": False}, {"released": False, "pools": ()}])
def test_what_the_channel_never_sees_is_not_found(changes: dict[str, Any]) -> None:
    with pytest.raises(errors.SlotNotFound) as refused:
        rules.require_bookable(SLOT._replace(**changes), at=STARTS + timedelta(days=1))
    assert refused.value.details == {}


def test_a_slot_that_opens_later_says_when() -> None:
    opens = STARTS - timedelta(hours=1)
    with pytest.raises(errors.NotReleased) as refused:
        rules.require_bookable(SLOT._replace(pools=(), opens_next=opens), at=STARTS - timedelta(days=1))
    assert refused.value.details == {"opens_at": opens}


def test_a_full_slot_says_when_more_opens() -> None:
    rules.require_seat(SLOT)
    opens = STARTS - timedelta(hours=1)
    with pytest.raises(errors.SoldOut) as refused:
        rules.require_seat(SLOT._replace(has_seat=False, opens_next=opens))
    assert refused.value.details == {"next_release_at": opens}


def test_a_hold_ends_with_the_clinics_hold_time_or_when_the_slot_begins() -> None:
    long, last = timedelta(seconds=900), timedelta(microseconds=1)

    assert rules.hold_until(SLOT, at=STARTS - 2 * long) == STARTS - long
    assert rules.hold_until(SLOT, at=STARTS - long) == STARTS
    assert rules.hold_until(SLOT, at=STARTS - last) == STARTS


@pytest.mark.parametrize(("allowed", "sex"), [(None, 0), (None, 1), (None, 2), (None, 9), (1, 1), (2, 2)])
def test_sex_fits(allowed: int | None, sex: int) -> None:
    rules.require_eligible(SLOT._replace(sex_allowed=allowed), PatientFacts(sex, MAN.birth_date))


@pytest.mark.parametrize(("allowed", "sex"), [(1, 2), (2, 1), (1, 0), (2, 0), (1, 9), (2, 9)])
def test_sex_does_not_fit(allowed: int, sex: int) -> None:
    with pytest.raises(errors.PatientNotEligible) as refused:
        rules.require_eligible(SLOT._replace(sex_allowed=allowed), PatientFacts(sex, MAN.birth_date))
    assert refused.value.details == {"rule": "sex", "limit": allowed}


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (date(2013, 3, 1), date(2027, 3, 1), 14),
        (date(2013, 3, 2), date(2027, 3, 1), 13),
        (date(2012, 2, 29), date(2027, 2, 28), 14),
        (date(2012, 2, 29), date(2027, 3, 1), 15),
        (date(2012, 2, 29), date(2028, 2, 28), 15),
        (date(2012, 2, 29), date(2028, 2, 29), 16),
        (date(2027, 3, 1), date(2027, 3, 1), 0),
        (date(2026, 12, 31), date(2027, 1, 1), 0),
        (date(1900, 1, 1), date(2027, 1, 1), 127),
    ],
)
def test_age_counts_in_completed_years(born: date, on: date, years: int) -> None:
    assert rules.completed_years(born, on) == years


@pytest.mark.parametrize(
    ("limits", "born", "refusal"),
    [
        ((14, None), date(2013, 3, 1), None),
        ((14, None), date(2013, 3, 2), ("age_years_min", 14)),
        ((None, 13), date(2013, 3, 2), None),
        ((None, 13), date(2013, 3, 1), ("age_years_max", 13)),
        ((14, 60), date(2000, 1, 1), None),
        ((14, 60), date(1966, 3, 2), None),
        ((14, 60), date(1966, 3, 1), ("age_years_max", 60)),
        ((0, 0), date(2027, 3, 1), None),
    ],
)
def test_age_is_that_of_the_clinic_day(
    limits: tuple[int | None, int | None], born: date, refusal: tuple[str, int] | None
) -> None:
    slot = SLOT._replace(age_years_min=limits[0], age_years_max=limits[1])
    if refusal is None:
        rules.require_eligible(slot, PatientFacts(1, born))
        return
    with pytest.raises(errors.PatientNotEligible) as refused:
        rules.require_eligible(slot, PatientFacts(1, born))
    assert (refused.value.details["rule"], refused.value.details["limit"]) == refusal


@pytest.mark.parametrize("minutes", [0, 30, 24 * 60])
def test_a_number_can_be_given_back_until_the_very_instant_of_the_deadline(minutes: int) -> None:
    deadline = STARTS - timedelta(minutes=minutes)

    rules.require_before_deadline(STARTS, minutes, at=deadline)
    with pytest.raises(errors.CancelDeadlinePassed) as refused:
        rules.require_before_deadline(STARTS, minutes, at=deadline + timedelta(microseconds=1))
    assert refused.value.details == {"deadline_at": deadline}


def _all_errors(base: type[HospitalError]) -> list[type[HospitalError]]:
    return [one for sub in base.__subclasses__() for one in ([sub] if hasattr(sub, "code") else []) + _all_errors(sub)]


def test_every_refusal_has_a_code_of_its_own_and_sentences_for_patients() -> None:
    known = [one for one in _all_errors(HospitalError) if one.__module__ == "booking.errors"]
    codes = [one.code for one in known]

    assert len(known) >= 18
    assert len(codes) == len(set(codes))
    for one in known:
        assert one().sentence("zh") == one.zh
        assert one().sentence("en") == one.en
        assert any("\u4e00" <= character <= "\u9fff" for character in one.zh)
        assert one.en.endswith(".")
        assert one.code.startswith("booking.")
