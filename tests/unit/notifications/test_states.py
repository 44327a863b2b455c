import pytest

from notifications.states import DELIVERY

ALLOWED = {
    ("waiting", "queued"),
    ("waiting", "dropped"),
    ("queued", "sending"),
    ("queued", "waiting"),
    ("queued", "dropped"),
    ("queued", "failed"),
    ("sending", "queued"),
    ("sending", "delivered"),
    ("sending", "failed"),
    ("sending", "unknown"),
    ("delivered", "failed"),
}


@pytest.mark.parametrize("before", sorted(DELIVERY.steps))
@pytest.mark.parametrize("after", sorted(DELIVERY.steps))
def test_every_pair(before: str, after: str) -> None:
    assert DELIVERY.allows(before, after) is ((before, after) in ALLOWED)
