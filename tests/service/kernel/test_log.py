"""What a log line may not hold."""

import asyncpg
import pytest

from kernel.db import Database
from kernel.log import configure_logging, get_logger


@pytest.fixture
def log_to_stdout() -> None:
    configure_logging()


@pytest.mark.parametrize("way", ["exception", "error"])
@pytest.mark.usefixtures("log_to_stdout")
async def test_a_refused_row_is_not_shown(database: Database, capsys: pytest.CaptureFixture[str], way: str) -> None:
    log = get_logger(f"test.{way}")
    try:
        try:
            await database.execute(
                "INSERT INTO patient (id, name, sex, birth_date, document_type, document_cipher, document_hash)"
                " VALUES (gen_random_uuid(), '欧阳藏', 7, now(), 'PPN', '', '')"
            )
        except asyncpg.PostgresError as error:
            raise RuntimeError from error
    except RuntimeError as error:
        if way == "exception":
            log.exception("failed")
        else:
            log.error("failed", exc_info=error)
    written = capsys.readouterr().out
    assert "violates" in written
    assert "欧阳藏" not in written


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("SELECT $1::timestamptz", "asyncpg.exceptions.DataError"),
        ("SELECT ($1::text)::uuid", "InvalidTextRepresentation"),
    ],
)
@pytest.mark.usefixtures("log_to_stdout")
async def test_a_value_that_cannot_be_written_is_not_shown(
    database: Database, capsys: pytest.CaptureFixture[str], statement: str, fault: str
) -> None:
    # Not as it stands here: a traceback shows its lines.
    value = "".join(reversed("87654321831"))
    try:
        await database.fetchval(statement, value)
    except (asyncpg.DataError, asyncpg.InterfaceError) as error:
        get_logger("test.value").error("failed", exc_info=error)
    written = capsys.readouterr().out
    assert fault in written
    assert value not in written
