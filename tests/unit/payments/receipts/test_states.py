import pytest

from payments.receipts.states import RECEIPT

ALLOWED = {
    ("issuing", "issued"),
    ("issuing", "refused"),
    ("refused", "issuing"),
    ("refused", "void"),
    ("issued", "written-off"),
}


@pytest.mark.parametrize("before", sorted(RECEIPT.steps))
@pytest.mark.parametrize("after", sorted(RECEIPT.steps))
def test_every_pair_of_states(before: str, after: str) -> None:
    assert RECEIPT.allows(before, after) == ((before, after) in ALLOWED)
