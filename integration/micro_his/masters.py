"""Master files as the platform tells them: schedules with their numbers, doctors, places."""

from collections.abc import Sequence

from integration.micro_his import outbox
from integration.micro_his.records import ToldLocation, ToldPractitioner, ToldSchedule
from integration.micro_his.wire_out import describe_hand_back
from kernel import clock
from kernel.db import Transaction


async def take_schedules(tx: Transaction, told: Sequence[ToldSchedule], *, charset: str) -> None:
    """Keep schedules with their numbers; one that is older than what stands changes nothing.

    Numbers that the platform asks back are handed back in the same transaction. Each schedule's row is locked by then,
    so no clerk is selling one of them.
    """
    now = clock.now()
    rows = await tx.fetch(
        "INSERT INTO schedule AS s (id, clinic_code, room_code, practitioner_code, service_type, clinic_date, period,"
        " status, fee_fen, version, updated_at)"
        " SELECT DISTINCT ON (u.id) u.id, u.clinic, u.room, u.practitioner, u.service, u.day, u.period, u.status,"
        " u.fee, u.version, $11 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::date[],"
        " $7::text[], $8::text[], $9::bigint[], $10::integer[])"
        " AS u (id, clinic, room, practitioner, service, day, period, status, fee, version)"
        " ORDER BY u.id, u.version DESC"
        " ON CONFLICT (id) DO UPDATE SET clinic_code = excluded.clinic_code, room_code = excluded.room_code,"
        " practitioner_code = excluded.practitioner_code, service_type = excluded.service_type,"
        " clinic_date = excluded.clinic_date, period = excluded.period, status = excluded.status,"
        " fee_fen = excluded.fee_fen, version = excluded.version, updated_at = excluded.updated_at"
        " WHERE s.version <= excluded.version RETURNING id, version",
        [one.id for one in told],
        [one.clinic_code for one in told],
        [one.room_code for one in told],
        [one.practitioner_code for one in told],
        [one.service_type for one in told],
        [one.clinic_date for one in told],
        [one.period for one in told],
        [one.status for one in told],
        [one.fee_fen for one in told],
        [one.version for one in told],
        now,
    )
    taken = {(row["id"], row["version"]) for row in rows}
    ids = [row["id"] for row in rows]
    await tx.execute("DELETE FROM slot WHERE schedule_id = ANY ($1)", ids)
    await tx.execute("DELETE FROM refused_number WHERE schedule_id = ANY ($1)", ids)
    await tx.executemany(
        "INSERT INTO slot VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        [
            (
                schedule.id,
                slot.first_sequence,
                slot.last_sequence,
                slot.starts_at,
                slot.ends_at,
                list(slot.window_sequences),
                slot.window_until,
                list(slot.emergency_sequences),
                slot.emergency_until,
            )
            for schedule in told
            if (schedule.id, schedule.version) in taken
            for slot in schedule.slots
        ],
    )
    for schedule in told:
        recalled = sorted(sequence for slot in schedule.slots for sequence in slot.recalled_sequences)
        if recalled and (schedule.id, schedule.version) in taken:
            await _hand_back(tx, schedule, recalled, charset=charset)


async def _hand_back(tx: Transaction, schedule: ToldSchedule, recalled: list[int], *, charset: str) -> None:
    """Tell the platform which numbers of its it has back, and which we have sold: after the sales themselves."""
    rows = await tx.fetch(
        "SELECT sequence, his_id FROM appointment WHERE schedule_id = $1 AND sequence = ANY ($2)"
        " AND status IN ('booked', 'arrived', 'fulfilled', 'noshow')",
        schedule.id,
        recalled,
    )
    sold = {row["sequence"]: str(row["his_id"]) for row in rows}
    await outbox.append(
        tx,
        describe_hand_back(
            schedule_id=schedule.id,
            version=schedule.version,
            unsold=[sequence for sequence in recalled if sequence not in sold],
            sold=dict(sorted(sold.items())),
            charset=charset,
        ),
    )


async def take_practitioners(tx: Transaction, told: Sequence[ToldPractitioner]) -> None:
    """Keep doctors of the master file."""
    await tx.executemany(
        "INSERT INTO practitioner VALUES ($1, $2, $3, $4, $5) ON CONFLICT (code) DO UPDATE SET"
        " name = excluded.name, title = excluded.title, department_code = excluded.department_code,"
        " active = excluded.active",
        [(one.code, one.name, one.title, one.department_code, one.active) for one in told],
    )


async def take_locations(tx: Transaction, told: Sequence[ToldLocation]) -> None:
    """Keep clinics and rooms of the master file."""
    await tx.executemany(
        "INSERT INTO location VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, code) DO UPDATE SET"
        " name = excluded.name, part_of = excluded.part_of, campus_code = excluded.campus_code,"
        " active = excluded.active",
        [(one.kind, one.code, one.name, one.part_of, one.campus_code, one.active) for one in told],
    )
