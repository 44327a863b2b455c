"""Every pair of a client's and a grant's statuses, the illegal ones too."""

import pytest

from kernel.states import TransitionTable
from oauth.states import CLIENT, GRANT

ALLOWED = {
    "client": {("pending", "active"), ("pending", "refused"), ("active", "suspended"), ("suspended", "active")},
    "grant": {("active", "revoked")},
}


@pytest.mark.parametrize(("name", "table"), [("client", CLIENT), ("grant", GRANT)])
def test_a_status_changes_by_the_table_alone(name: str, table: TransitionTable) -> None:
    pairs = {(before, after) for before in table.steps for after in table.steps if table.allows(before, after)}
    assert pairs == ALLOWED[name]
