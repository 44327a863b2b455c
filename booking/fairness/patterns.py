"""Hold and release: who keeps numbers without wanting them, found in the events of booking and put before a person.

Three patterns, each asked of a person, a telephone, an account (a telephone within one application) and a device:

- `unbooked-holds`: many holds released or run out, and no booking by that person in that department since;
- `same-number`: the same number held again and again;
- `hand-over`: a number given back and soon booked by somebody else of the same telephone, account or device, while
  who gave it back has no other in that department.

It runs by the clock over what is written down anyway, so a booking pays nothing for it. An event counts once for a
rule: what somebody has decided about is not raised again. What members of staff do counts for nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from booking.fairness.states import PATTERN_FLAG
from kernel import clock
from kernel.db import Row, Transaction, database
from kernel.events import Actor
from kernel.ids import new_id
from kernel.log import get_logger

FINDINGS_MAX: Final = 200
EVENTS_MAX: Final = 500
"""Of one finding at one look; more are added at the next."""
SYSTEM: Final = Actor(client_id="system:patterns", channel="system", kind="system")
_LOCK: Final = 0x70617474_65726E73  # "patterns"

log = get_logger("booking.fairness")

# By whom an event was caused; `e` is the event, `p` its patient.
_KEYS: Final = {
    "person": "uuid_send({p}.id)",
    "phone": "{p}.phone_hash",
    "account": "CASE WHEN {e}.client_id LIKE 'account:%' THEN convert_to({e}.client_id, 'UTF8')"
    " ELSE {p}.phone_hash || convert_to({e}.client_id, 'UTF8') END",
    "device": "{e}.device_hash",
}

# Holds that were let go, of persons who have not booked in that department since. A stop's doing is nobody's.
_LET_GO: Final = """
SELECT {key} AS key, e.seat_id, e.id AS event_id, gone.id AS followed_by, e.at AS first_at, gone.at AS last_at
FROM booking_event e
JOIN patient p ON p.id = e.patient_id
JOIN schedule sc ON sc.id = e.schedule_id
JOIN LATERAL (
    SELECT g.id, g.at FROM booking_event g
    WHERE g.seat_id = e.seat_id AND g.id > e.id AND g.hold_id = e.hold_id
      AND g.kind IN ('hold_released', 'hold_expired') AND NOT coalesce(g.details ? 'stop_id', false)
    ORDER BY g.id LIMIT 1) gone ON true
WHERE e.kind = 'held' AND e.at > $1 AND e.at <= $2 AND e.staff_code IS NULL
  AND NOT EXISTS (SELECT FROM appointment a
                  WHERE a.patient_id = e.patient_id AND a.department_id = sc.department_id
                    AND a.created_at >= e.at AND a.status <> 'cancelled')
"""

# Numbers given back that somebody else of the same telephone, account or device booked next, within the gap. Who has
# another number in that department has only changed their mind.
_HANDED_OVER: Final = """
SELECT {key} AS key, e.seat_id, e.id AS event_id, b.id AS followed_by, e.at AS first_at, b.at AS last_at
FROM booking_event e
JOIN patient p ON p.id = e.patient_id
JOIN schedule sc ON sc.id = e.schedule_id
JOIN LATERAL (
    SELECT n.* FROM booking_event n WHERE n.seat_id = e.seat_id AND n.id > e.id AND n.kind IN ('booked', 'moved_here')
    ORDER BY n.id LIMIT 1) b ON b.at <= e.at + make_interval(mins => $5) AND b.staff_code IS NULL
JOIN patient q ON q.id = b.patient_id AND q.id <> p.id
WHERE e.kind = 'cancelled' AND e.at > $1 AND e.at <= $2 AND e.staff_code IS NULL AND {key} = {other_key}
  AND NOT EXISTS (SELECT FROM appointment a
                  WHERE a.patient_id = e.patient_id AND a.department_id = sc.department_id
                    AND a.created_at > $1 AND a.status <> 'cancelled')
"""

_FINDINGS: Final = """
SELECT f.key, (array_agg(f.event_id ORDER BY f.event_id))[:{events_max}] AS event_ids,
       (array_agg(f.followed_by ORDER BY f.event_id))[:{events_max}] AS followed_by,
       min(f.first_at) AS first_at, max(f.last_at) AS last_at
FROM ({found}) f
WHERE f.key IS NOT NULL AND NOT EXISTS (
    SELECT FROM hold_pattern_evidence v WHERE v.rule_id = $3 AND v.event_id = f.event_id)
GROUP BY f.key{and_seat} HAVING count(*) >= $4 ORDER BY f.key{and_seat} LIMIT {findings_max}
"""


@dataclass(frozen=True, slots=True)
class PatternRule:
    """So many events of a pattern by one subject within a window are put before a person."""

    id: UUID
    pattern: str
    subject: str
    count_min: int
    window_minutes: int
    gap_minutes: int | None
    cool_down_minutes: int
    automatic: bool


async def look_for_patterns() -> int:
    """Raise what has reached a rule's count since it was last looked at; give the number of findings.

    Raises:
        DatabaseUnavailable, DatabaseBusy.
    """
    rows = await database().fetch(
        "SELECT id, pattern, subject, count_min, window_minutes, gap_minutes, cool_down_minutes, automatic"
        " FROM hold_pattern_rule WHERE active ORDER BY id"
    )
    found = 0
    for rule in (PatternRule(*row.values()) for row in rows):
        async with database().transaction() as tx:
            found += await _look(tx, rule, at=clock.now())
    return found


async def tell(
    tx: Transaction, kind: str, *, flag_id: UUID, event_count: int, reason: str | None, actor: Actor, at: datetime
) -> None:
    """Append the event of a change to a flag, in the change's transaction."""
    await tx.execute(
        "INSERT INTO hold_pattern_event (at, kind, flag_id, event_count, reason, channel, client_id, staff_code,"
        " request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        at,
        kind,
        flag_id,
        event_count,
        reason,
        actor.channel,
        actor.client_id,
        actor.staff_code,
        actor.request_id,
    )


async def _look(tx: Transaction, rule: PatternRule, *, at: datetime) -> int:
    # Two who look at once would raise the same twice.
    await tx.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    since = at - timedelta(minutes=rule.window_minutes)
    gap = [] if rule.gap_minutes is None else [rule.gap_minutes]
    findings = await tx.fetch(_statement(rule.pattern, rule.subject), since, at, rule.id, rule.count_min, *gap)
    if len(findings) == FINDINGS_MAX:
        log.warning("pattern_findings_limited", rule_id=str(rule.id), limit=FINDINGS_MAX)
    for finding in findings:
        await _raise(tx, rule, finding, at=at)
    return len(findings)


def _statement(pattern: str, subject: str) -> str:
    key = _KEYS[subject]
    found = _HANDED_OVER if pattern == "hand-over" else _LET_GO
    return _FINDINGS.format(
        found=found.format(key=key.format(e="e", p="p"), other_key=key.format(e="b", p="q")),
        and_seat=", f.seat_id" if pattern == "same-number" else "",
        events_max=EVENTS_MAX,
        findings_max=FINDINGS_MAX,
    )


async def _raise(tx: Transaction, rule: PatternRule, finding: Row, *, at: datetime) -> None:
    """Add a finding to the subject's open flag, or raise one; a rule that says so cools down at once."""
    event_ids: Sequence[int] = finding["event_ids"]
    flag_id = await tx.fetchval(
        "UPDATE hold_pattern_flag SET event_count = event_count + $3, first_at = least(first_at, $4),"
        " last_at = greatest(last_at, $5) WHERE rule_id = $1 AND key = $2 AND status = 'open' RETURNING id",
        rule.id,
        finding["key"],
        len(event_ids),
        finding["first_at"],
        finding["last_at"],
    )
    kind = "raised" if flag_id is None else "extended"
    if flag_id is None:
        flag_id = new_id()
        await tx.execute(
            "INSERT INTO hold_pattern_flag (id, rule_id, subject, key, status, event_count, window_minutes, first_at,"
            " last_at, raised_at) VALUES ($1, $2, $3, $4, 'open', $5, $6, $7, $8, $9)",
            flag_id,
            rule.id,
            rule.subject,
            finding["key"],
            len(event_ids),
            rule.window_minutes,
            finding["first_at"],
            finding["last_at"],
            at,
        )
    await tx.execute(
        "INSERT INTO hold_pattern_evidence (rule_id, event_id, followed_by, flag_id)"
        " SELECT $1, e, f, $4 FROM unnest($2::bigint[], $3::bigint[]) AS u (e, f)",
        rule.id,
        event_ids,
        finding["followed_by"],
        flag_id,
    )
    await tell(tx, kind, flag_id=flag_id, event_count=len(event_ids), reason=None, actor=SYSTEM, at=at)
    if rule.automatic:
        await cool_down(tx, flag_id, minutes=rule.cool_down_minutes, reason=None, actor=SYSTEM, at=at)
    log.info("pattern_found", flag_id=str(flag_id), rule_id=str(rule.id), events=len(event_ids), kind=kind)


async def cool_down(
    tx: Transaction, flag_id: UUID, *, minutes: int, reason: str | None, actor: Actor, at: datetime
) -> bool:
    """Confirm an open flag: its subject may hold nothing for a while. Tell whether it was open."""
    count = await tx.fetchval(
        "UPDATE hold_pattern_flag SET status = 'confirmed', decided_at = $2, decided_by = $3, reason = $4,"
        " cool_down_until = $5 WHERE id = $1 AND status = ANY ($6) RETURNING event_count",
        flag_id,
        at,
        actor.staff_code,
        reason,
        at + timedelta(minutes=minutes),
        PATTERN_FLAG.before("confirmed"),
    )
    if count is None:
        return False
    await tell(tx, "confirmed", flag_id=flag_id, event_count=count, reason=reason, actor=actor, at=at)
    return True
