"""Charts (病历): finding a person by what is told of them, opening a chart, following newer facts."""

from typing import Final

from integration.micro_his.errors import PatientUnknown
from integration.micro_his.records import ToldPatient
from kernel import clock
from kernel.db import Row, Transaction

_COLUMNS: Final = "mr, platform_id, name, birth_date, sex, document_type, document_number, phone, platform_version"


async def find_chart(tx: Transaction, told: ToldPatient) -> Row | None:
    """Lock the chart that is meant: by our number, by the platform's, then by document.

    A person whose chart was opened at the window is recognised by document when the platform tells of them.
    """
    for condition, values in (
        ("mr = $1", (told.mr,)),
        ("platform_id = $1", (told.platform_id,)),
        ("document_type = $1 AND document_number = $2", (told.document_type, told.document_number)),
    ):
        if values[0] is not None:
            row = await tx.fetchrow(
                f"SELECT {_COLUMNS} FROM patient WHERE {condition} FOR UPDATE",  # noqa: S608  our own conditions
                *values,
            )
            if row is not None:
                return row
    return None


async def open_chart(tx: Transaction, told: ToldPatient, *, platform_version: int = 0) -> Row:
    """Open a chart and give the person a record number.

    Two messages of one new person may arrive at once: the second finds the first's chart.

    Raises:
        PatientUnknown: neither the name nor another identifier than a record number is told.
    """
    if not told.name or (told.platform_id is None and told.document_number is None):
        raise PatientUnknown
    now = clock.now()
    row = await tx.fetchrow(
        "INSERT INTO patient (platform_id, name, birth_date, sex, document_type, document_number, phone,"  # noqa: S608  our own column names
        " platform_version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
        f" ON CONFLICT DO NOTHING RETURNING {_COLUMNS}",
        told.platform_id,
        told.name,
        told.birth_date,
        told.sex,
        told.document_type,
        told.document_number,
        told.phone,
        platform_version,
        now,
    )
    if row is None:
        row = await find_chart(tx, told)
        assert row is not None, "the chart that we collided with is committed"
    return row


async def follow_patient(tx: Transaction, row: Row, told: ToldPatient, *, version: int) -> None:
    """Follow what the platform tells of a person; an older version only adds what is not known yet.

    A document or a platform number that stands on another chart stays there: whether two charts are one
    person is for the records office to say, not for a message.
    """
    is_newer = version >= row["platform_version"]
    await tx.execute(
        "UPDATE patient SET"
        " platform_id = CASE WHEN platform_id IS NULL AND NOT EXISTS"
        "   (SELECT FROM patient o WHERE o.platform_id = $2) THEN $2 ELSE platform_id END,"
        " name = CASE WHEN $8 AND $3 <> '' THEN $3 ELSE name END,"
        " birth_date = CASE WHEN $8 THEN coalesce($4, birth_date) ELSE coalesce(birth_date, $4) END,"
        " sex = CASE WHEN $5 <> 'U' AND ($8 OR sex = 'U') THEN $5 ELSE sex END,"
        " document_type = CASE WHEN document_type IS NULL AND $9 THEN $6 ELSE document_type END,"
        " document_number = CASE WHEN document_number IS NULL AND $9 THEN $7 ELSE document_number END,"
        " phone = CASE WHEN $8 THEN coalesce($10, phone) ELSE coalesce(phone, $10) END,"
        " platform_version = greatest(platform_version, $11), updated_at = $12"
        " WHERE mr = $1",
        row["mr"],
        told.platform_id,
        told.name,
        told.birth_date,
        told.sex,
        told.document_type,
        told.document_number,
        is_newer,
        told.document_number is not None and not await _is_another_charts(tx, row["mr"], told),
        told.phone,
        version,
        clock.now(),
    )


async def _is_another_charts(tx: Transaction, mr: str, told: ToldPatient) -> bool:
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM patient WHERE document_type = $1 AND document_number = $2 AND mr <> $3)",
            told.document_type,
            told.document_number,
            mr,
        )
    )
