"""Every cause has a sentence for the cashier, and actions; every action says what it means."""

import pytest

from payments.exceptions import ALLOWED, DONE_BY, EXPLAINED, Action, Cause


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence_and_something_to_be_done(cause: Cause) -> None:
    sentence = EXPLAINED[cause]
    assert sentence.zh
    assert sentence.en.endswith(".")
    assert ALLOWED[cause]


def test_every_action_is_allowed_somewhere_and_says_what_it_means() -> None:
    assert set(DONE_BY) == set(Action) == {action for allowed in ALLOWED.values() for action in allowed}


def test_no_two_causes_read_alike() -> None:
    assert len(set(EXPLAINED.values())) == len(Cause)
