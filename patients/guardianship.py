"""Guardianship ends when a child comes of age: from that day the person decides who acts for them.

Whoever was bound as a minor is let go on their eighteenth birthday, as if their guardian had let them go; what was
booked stands. They are bound again as every adult is, with their own consent, or have an account of their own.
"""

from contextlib import suppress
from typing import Final

from kernel import clock
from kernel.db import Database
from patients.accounts import ADULT_YEARS, unbind_member
from patients.errors import AccountNotFound

BATCH_MAX: Final = 500


async def end_guardianships(db: Database) -> int:
    """Let go of those who were bound as minors and have come of age; give how many were looked at.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        # Who was born on 29 February comes of age on 1 March.
        "WITH bound AS (SELECT m.id, m.account_id, m.patient_id, (m.bound_at AT TIME ZONE $2)::date AS bound_on,"
        " ((p.birth_date - 1) + make_interval(years => $3))::date + 1 AS of_age_on"
        " FROM patient_account_member m JOIN patient_account a ON a.id = m.account_id AND a.status = 'active'"
        " JOIN patient p ON p.id = m.patient_id WHERE m.ended_at IS NULL)"
        " SELECT account_id, patient_id FROM bound WHERE bound_on < of_age_on AND of_age_on <= $1 ORDER BY id LIMIT $4",
        clock.today(),
        str(clock.SHANGHAI),
        ADULT_YEARS,
        BATCH_MAX,
    )
    for row in rows:
        with suppress(AccountNotFound):  # let go by their guardian meanwhile
            await unbind_member(row["account_id"], row["patient_id"])
    return len(rows)
