"""The statement by which the desk claims a batch's seats: all that is decided with a seat is written with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from kernel.db import Reader, Row

_CLAIM: Final = "SELECT * FROM claim_seats($1, $2, $3, $4)"
# Those of `gated` take their turn in the rush with the seat, or are answered `no_turn`.
_CLAIM_BY_TURN: Final = "SELECT * FROM claim_seats_by_turn($1, $2, $3, $4, $5)"
# That somebody was let pass a ban is written with the seat that they got for it, or not at all.
_AND_TELL: Final = """
WITH claimed AS MATERIALIZED ({claim}),
told AS (
    INSERT INTO booking_ban_event (at, kind, patient_id, appointment_id, reason, channel, client_id, staff_code,
                                   request_id)
    SELECT $2, 'passed', a.patient_id, a.id, p.reason, a.channel, a.client_id, a.staff_code, a.request_id
    FROM claimed c JOIN unnest($3::seat_request[]) a ON a.i = c.i
    JOIN unnest(${i}::integer[], ${reason}::text[]) AS p (i, reason) ON p.i = c.i WHERE c.outcome = 'won')
SELECT * FROM claimed
"""


async def claim_batch(
    session: Reader,
    kind: str,
    asked: Sequence[tuple[object, ...]],
    handlers: Sequence[str],
    *,
    gated: Sequence[int],
    passed: Sequence[tuple[int, str]],
    at: datetime,
) -> list[Row]:
    """Claim a batch's seats; give a row a request: its ordinal, outcome, seat, numbers and details.

    gated: ordinals of those who need a turn. passed: ordinals of those let pass a ban, and why.
    """
    statement, values = _CLAIM, [kind, at, asked, handlers]
    if gated:
        statement = _CLAIM_BY_TURN
        values.append(gated)
    if passed:
        place = len(values) + 1
        statement = _AND_TELL.format(claim=statement, i=place, reason=place + 1)
        values += map(list, zip(*passed, strict=True))
    return await session.fetch(statement, *values)
