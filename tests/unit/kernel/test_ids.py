import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.ids import format_appointment_number, format_order_digits, new_id, parse_appointment_number, parse_id


def test_a_new_id_is_a_uuid_of_version_7_that_carries_its_time() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000

    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert before <= made.int >> 80 <= after


def test_ids_made_later_sort_later_and_never_repeat() -> None:
    first = new_id()
    time.sleep(0.002)
    second = new_id()

    assert first < second
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_an_id_is_read_back() -> None:
    made = new_id()

    assert UUID(str(parse_id(str(made)))) == made
    with pytest.raises(ValueError, match="UUID"):
        parse_id("not-an-id")


@given(st.integers(min_value=1, max_value=10**12))
def test_an_appointment_number_is_read_back(sequence: int) -> None:
    assert parse_appointment_number(format_appointment_number(sequence)) == sequence


@given(st.integers(min_value=1, max_value=10**12), st.data())
def test_one_mistyped_digit_is_always_found(sequence: int, data: st.DataObject) -> None:
    number = format_appointment_number(sequence)
    place = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))

    with pytest.raises(ValueError, match="check digit"):
        parse_appointment_number(number[:place] + digit + number[place + 1 :])


@given(st.integers(0, 10**9 - 1))
def test_an_order_and_the_appointment_of_its_count_have_no_digit_alike(sequence: int) -> None:
    order, appointment = format_order_digits(sequence), format_appointment_number(sequence)
    assert parse_appointment_number(order) != sequence  # it has a check digit too
    assert [n for n in range(9) if order[n] == appointment[n]] == []


def test_orders_have_numbers_of_their_own() -> None:
    assert len({format_order_digits(n) for n in range(1, 2001)}) == 2000
    assert format_order_digits(10**9) == format_appointment_number(10**9)


def test_neighbouring_numbers_do_not_tell_one_another() -> None:
    numbers = [format_appointment_number(n) for n in range(1, 2001)]

    assert len(set(numbers)) == 2000
    assert all(len(number) == 10 for number in numbers)
    assert abs(int(numbers[0][:-1]) - int(numbers[1][:-1])) > 1_000


@pytest.mark.parametrize(
    "text",
    ["", "1", "12345678", "１２３４５６７８９０", "12345 7890", "-123456789", "123456789x", "99999999999999999999"],
)
def test_what_is_no_number_of_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        parse_appointment_number(text)
