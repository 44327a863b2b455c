"""The demonstration hospital: what stands after loading it, twice, and that production refuses it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from kernel import clock
from patients.documents import check_document
from runtime import keys
from runtime.demo_hospital.people import TEST_DIVISION, document_number
from runtime.demo_hospital.plan import plan_hospital

ROOT = Path(__file__).resolve().parents[3]


def run_loader(url: str, keys_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime.demo_data"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "KEYS_DIR": str(keys_dir), "MODE": "sandbox", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
async def connection(own_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connected = await asyncpg.connect(own_database_url)
    yield connected
    await connected.close()


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    keys.create_missing(tmp_path / "keys")
    return tmp_path / "keys"


async def test_a_sandbox_gets_its_hospital_once(
    own_database_url: str, keys_dir: Path, connection: asyncpg.Connection
) -> None:
    begun_on = clock.today()
    first = await asyncio.to_thread(run_loader, own_database_url, keys_dir)
    assert first.returncode == 0, first.stderr
    counts = {
        table: await connection.fetchval(f"SELECT count(*) FROM {table}")
        for table in (
            "campus",
            "practitioner",
            "patient",
            "patient_access",
            "oauth_client",
            "staff",
            "seat",
            "schedule",
            "payment_merchant",
        )
    }
    assert {
        name: counts[name]
        for name in ("campus", "practitioner", "patient", "oauth_client", "staff", "payment_merchant")
    } == {
        "campus": 3,
        "practitioner": 300,
        "patient": 10_000,
        "oauth_client": 3,
        "staff": 3,
        "payment_merchant": 1,  # the drawer: no channel's keys are here
    }
    assert counts["patient_access"] == 10_000
    families = await connection.fetch(
        "SELECT array_agg(m.relationship ORDER BY m.relationship) AS found, bool_or(m.is_default) AS has_default"
        " FROM patient_account_member m JOIN patient p ON p.id = m.patient_id GROUP BY m.account_id ORDER BY 1"
    )
    assert [(row["found"], row["has_default"]) for row in families] == [
        (["child", "self"], True),
        (["parent", "self", "spouse"], True),
    ]
    assert await connection.fetchval("SELECT count(DISTINCT department_id) FROM clinic") >= 40
    assert await connection.fetchval("SELECT max(ends_at - starts_at) FROM slot") == timedelta(minutes=30)
    days = await connection.fetch("SELECT DISTINCT clinic_date FROM schedule ORDER BY 1")
    assert days[0]["clinic_date"] in (begun_on, clock.today())
    assert [row["clinic_date"] for row in days] == [days[0]["clinic_date"] + timedelta(days=n) for n in range(15)]

    second = await asyncio.to_thread(run_loader, own_database_url, keys_dir)
    assert second.returncode == 0, second.stderr
    assert second.stdout.splitlines()[-1] == "demo data: nothing to do"
    again = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in counts}
    assert again == counts


async def test_a_removed_day_is_made_again(
    own_database_url: str, keys_dir: Path, connection: asyncpg.Connection
) -> None:
    assert (await asyncio.to_thread(run_loader, own_database_url, keys_dir)).returncode == 0
    last = await connection.fetchval("SELECT max(clinic_date) FROM schedule")
    seats = await connection.fetchval("SELECT count(*) FROM seat")
    for statement in (
        "DELETE FROM window_number WHERE schedule_id IN (SELECT id FROM schedule WHERE clinic_date = $1)",
        "DELETE FROM seat WHERE schedule_id IN (SELECT id FROM schedule WHERE clinic_date = $1)",
        "DELETE FROM slot WHERE schedule_id IN (SELECT id FROM schedule WHERE clinic_date = $1)",
        "DELETE FROM schedule WHERE clinic_date = $1",
    ):
        await connection.execute(statement, last)
    assert await connection.fetchval("SELECT count(*) FROM seat") < seats
    assert (await asyncio.to_thread(run_loader, own_database_url, keys_dir)).returncode == 0
    assert await connection.fetchval("SELECT count(*) FROM seat") == seats


async def test_demonstration_channels_may_book_at_once(
    own_database_url: str, keys_dir: Path, connection: asyncpg.Connection
) -> None:
    assert (await asyncio.to_thread(run_loader, own_database_url, keys_dir)).returncode == 0
    now = datetime.now(UTC)
    for channel in ("city_portal", "kiosk", "window"):
        open_seats = await connection.fetchval(
            "SELECT count(*) FROM seat t JOIN slot s ON s.id = t.slot_id AND s.starts_at > $2"
            " JOIN schedule_release r ON r.schedule_id = t.schedule_id AND r.pool = t.pool"
            " WHERE r.channel = $1 AND r.opens_at <= $2 AND t.status = 'free'",
            channel,
            now,
        )
        assert open_seats > 40_000, channel


async def test_another_hospital_is_left_alone(
    own_database_url: str, keys_dir: Path, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO campus (id, code, name_zh, name_en, address, latitude, longitude)"
        " VALUES (gen_random_uuid(), 'X', '某院', 'Some hospital', 'somewhere', 23, 113)"
    )
    done = await asyncio.to_thread(run_loader, own_database_url, keys_dir)
    assert (done.returncode, done.stdout) == (0, "demo data: the database holds another hospital; it is left alone\n")
    assert await connection.fetchval("SELECT count(*) FROM practitioner") == 0


async def test_production_is_refused(own_database_url: str, keys_dir: Path, connection: asyncpg.Connection) -> None:
    done = await asyncio.to_thread(
        run_loader,
        own_database_url,
        keys_dir,
        MODE="production",
        REDIS_URL="redis://cache.example/0",
        PUBLIC_URL="https://open.example",
        HIS_MLLP="his.example:2575",
        HIS_HTTP_URL="https://his.example",
        HIS_HTTP_TOKEN="f1e8b2",
    )
    assert done.returncode == 1
    assert done.stderr == "demo data: the demonstration hospital is never loaded in production mode\n"
    assert await connection.fetchval("SELECT count(*) FROM campus") == 0


def test_the_same_seed_gives_the_same_hospital() -> None:
    assert plan_hospital(7).rows == plan_hospital(7).rows
    assert plan_hospital(7).rows["practitioner"] != plan_hospital(8).rows["practitioner"]


def test_document_numbers_are_valid_and_of_the_test_range() -> None:
    born = date(1990, 11, 1)
    number = document_number(birth_date=born, sequence=12)
    checked = check_document("CN-ID", number, today=clock.today())
    assert (number[:6], checked.sex, checked.birth_date) == (TEST_DIVISION, 2, born)
