"""Dates, instants and numbers on the HL7 wire."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.codecs.errors import BadFieldValue
from integration.codecs.hl7v2_values import (
    format_date,
    format_timestamp,
    parse_date,
    parse_integer,
    parse_timestamp,
)


def test_an_instant_is_written_in_china_standard_time() -> None:
    assert format_timestamp(datetime(2026, 11, 23, 16, 5, 9, tzinfo=UTC)) == "20261124000509+0800"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20261124080000+0800", datetime(2026, 11, 24, tzinfo=UTC)),
        ("20261124080000", datetime(2026, 11, 24, tzinfo=UTC)),
        ("202611240800", datetime(2026, 11, 24, tzinfo=UTC)),
        ("20261124", datetime(2026, 11, 23, 16, tzinfo=UTC)),
        ("20261123233000.1234-0030", datetime(2026, 11, 24, 0, 0, 0, 123400, tzinfo=UTC)),
        ("20261124000000+0000", datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_instants_are_read_into_utc(text: str, instant: datetime) -> None:
    assert parse_timestamp(text) == instant


BAD_INSTANTS = [
    "", "2026", "20261301", "20260230", "20261124250000", "2026112408", "20261124080000+9900",
    "00010101000000+0800", "２０２６１１２４", "20261124080000Z", "20261124 080000", "00000101",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_INSTANTS)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(BadFieldValue):
        parse_timestamp(text)


@given(
    st.datetimes(
        datetime(2, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone itself
        datetime(9998, 1, 1),  # noqa: DTZ001 - as above
        timezones=st.just(UTC),
    )
)
def test_an_instant_survives_the_wire_to_the_second(at: datetime) -> None:
    assert parse_timestamp(format_timestamp(at)) == at.replace(microsecond=0)


@given(st.dates())
def test_a_day_survives_the_wire(day: date) -> None:
    assert parse_date(format_date(day)) == day


def test_a_birth_date_may_carry_a_time() -> None:
    assert parse_date("19900101000000") == date(1990, 1, 1)


@pytest.mark.parametrize("text", ["", "1990", "19900230", "1990-01-01", "19900101x", "199001010"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(BadFieldValue):
        parse_date(text)


def test_whole_numbers() -> None:
    assert [parse_integer(text) for text in ("0", "12", "-3", "+4")] == [0, 12, -3, 4]


@pytest.mark.parametrize("text", ["", "1.0", "x", "1" * 19, "٣", "1 "])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(BadFieldValue):
        parse_integer(text)


def test_an_offset_is_honoured() -> None:
    assert parse_timestamp("20261124080000+0900") - parse_timestamp("20261124080000+0800") == timedelta(hours=-1)
