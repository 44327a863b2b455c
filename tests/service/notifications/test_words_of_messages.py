"""The plainer words of migration 0492: for whom they are, and whose stay."""

from pathlib import Path

from tests.factories.notifications import Centre

MIGRATION = Path(__file__).resolve().parents[3] / "migrations/0492_words_of_messages.sql"
GIVEN = "{starts_at}的门诊恢复，{patient}的预约照常有效，{queue_number}号。"
PLAINER = "{starts_at}的门诊恢复，{patient}的预约照常有效，第{queue_number}号。"
OWN = "{starts_at}的门诊照常，{patient}请按时来，{queue_number}号。"


async def body_of(centre: Centre) -> tuple[str, int]:
    row = await centre.db.fetchrow("SELECT body_zh, version FROM notification_kind WHERE code = 'stop.kept'")
    assert row is not None
    return row["body_zh"], row["version"]


async def migrate_from(centre: Centre, body: str) -> None:
    await centre.db.execute("UPDATE notification_kind SET body_zh = $1, version = 1 WHERE code = 'stop.kept'", body)
    await centre.db.execute(MIGRATION.read_text("utf-8"))


async def test_a_number_in_the_queue_does_not_read_as_a_day(centre: Centre) -> None:
    bodies = [row["body_zh"] for row in await centre.db.fetch("SELECT body_zh FROM notification_kind")]
    numbered = [body for body in bodies if "{queue_number}" in body]
    assert len(numbered) >= 5
    assert all("第{queue_number}号" in body for body in numbered)


async def test_money_and_promises_are_told_in_plain_english(centre: Centre) -> None:
    bodies = [row["body_en"] for row in await centre.db.fetch("SELECT body_en FROM notification_kind")]
    assert not any("the way it came" in body or "We tell you" in body for body in bodies)
    assert any("refunded to your original payment method" in body for body in bodies)


async def test_the_words_that_were_given_change_and_have_a_new_version(centre: Centre) -> None:
    await migrate_from(centre, GIVEN)
    assert await body_of(centre) == (PLAINER, 2)


async def test_a_hospitals_own_words_stay(centre: Centre) -> None:
    await migrate_from(centre, OWN)
    assert await body_of(centre) == (OWN, 1)
