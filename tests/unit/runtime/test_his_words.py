"""What the HIS commands say to a person, and the exit status that scripts go by."""

from datetime import UTC, date, datetime, timedelta

import pytest

from integration.his.dead_letters import DeadLetter
from integration.his.link import LinkState
from integration.his.reconcile import ComparisonReport, DayRecord, Difference, Repair
from kernel.boxes import Backlog
from runtime import dead_letters, his_status, reconcile
from runtime.his_status import Comparison, Standing

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
EMPTY = Backlog(0, 0, 0, None)


def record(seat: int, version: int) -> DayRecord:
    return DayRecord(key="A1", compared={"status": "booked", "seat": seat}, version=version)


LOST = Difference("missing_in_his", "A1", record(3, 1), None)
MOVED = Difference("differs:seat", "A2", record(3, 1), record(9, 2))


def report(
    *, under_way: tuple[Difference, ...] = (), repaired: tuple[tuple[Difference, Repair], ...] = (),
    left: tuple[Difference, ...] = (),
) -> ComparisonReport:  # fmt: skip
    return ComparisonReport("appointments", DAY, 1200, 1198, under_way, repaired, left)


def test_agreement_is_said_in_a_sentence() -> None:
    text = reconcile.as_text(DAY, [report()], {"appointments": [(LOST, Repair("told_again"))]})

    assert text.splitlines()[3].split() == ["appointments", "1,200", "1,198", "0", "1", "0"]
    assert "A1: the HIS does not have it (status booked, seat 3); told the HIS again" in text
    assert text.splitlines()[-1] == "Both sides agree. 1 difference(s) were repaired on the way."


def test_what_a_person_has_to_decide_is_shown_from_both_sides() -> None:
    text = reconcile.as_text(DAY, [report(left=(MOVED,))], {"appointments": []})

    assert "A2: seat is 3 here (version 1), 9 at the HIS (version 2)" in text
    assert text.splitlines()[-1].startswith("1 difference(s) remain for a person")


def test_programs_get_the_same() -> None:
    found = reconcile.as_json(DAY, [report(under_way=(LOST,), left=(MOVED,))], {"appointments": []})

    assert (found["date"], found["agrees"]) == ("2026-11-24", False)
    (appointments,) = found["reports"]
    assert [one["key"] for one in appointments["under_way"]] == ["A1"]
    assert appointments["left"] == [
        {
            "key": "A2",
            "kind": "differs:seat",
            "here": {"status": "booked", "seat": 3, "version": 1},
            "there": {"status": "booked", "seat": 9, "version": 2},
        }
    ]


def standing(
    *, link: LinkState | None = None, outgoing: Backlog = EMPTY, comparisons: tuple[Comparison, ...] = ()
) -> Standing:
    return Standing(NOW, link or LinkState(last_contact_at=NOW), outgoing, EMPTY, comparisons)


COMPARED = Comparison("appointments", NOW - timedelta(hours=1), 0)


@pytest.mark.parametrize(
    ("now", "sentence", "looks"),
    [
        (standing(comparisons=(COMPARED,)), "The HIS answers (last seen 0 s ago).", False),
        (
            standing(outgoing=Backlog(7, 0, 0, NOW - timedelta(seconds=90))),
            ("7 message(s) to be told to the HIS; the oldest waits 90 s."),
            False,
        ),
        (
            standing(outgoing=Backlog(7, 0, 0, NOW - timedelta(minutes=6))),
            ("7 message(s) to be told to the HIS; the oldest waits 6 min."),
            True,
        ),
        (
            standing(link=LinkState(3, NOW - timedelta(minutes=5), NOW, NOW)),
            (
                "The HIS has not answered since 2026-11-24"
                " 09:55:00 (5 min). Bookings go on; what is to be told waits in order and is tried again by itself."
            ),
            True,
        ),
        (
            standing(outgoing=Backlog(0, 0, 2, None)),
            ("2 of the outbox wait for a person: ./hospital his dead-letters shows them."),
            True,
        ),
        (
            standing(comparisons=(Comparison("appointments", NOW - timedelta(hours=40), 3),)),
            (
                "Appointments were last"
                " compared 40 h ago; 3 difference(s) wait for a person; the nightly comparison has not run."
            ),
            True,
        ),
    ],
)
def test_the_standing_is_said_in_sentences(now: Standing, sentence: str, looks: bool) -> None:  # noqa: FBT001  a table's column
    sentences, is_worth_a_look = his_status.describe(now)

    assert sentence in sentences
    assert is_worth_a_look is looks


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("schedule_unknown: 没有该排班", "which tells it again; then replay."),
        ("load: KeyError", "replay once it is mended."),
        ("some_rule_of_theirs: no", "skip if it is settled by hand."),
        (None, "skip if it is settled by hand."),
    ],
)
def test_a_dead_letter_comes_with_advice(fault: str | None, advice: str) -> None:
    letter = DeadLetter("outbox", 12, "appointment.booked", "appointment:A1", None, NOW, 20, 20, fault, 2)

    assert dead_letters.advise(letter).endswith(advice)
