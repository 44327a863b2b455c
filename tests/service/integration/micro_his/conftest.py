"""The micro-HIS as a process of its own with a database of its own, between a platform that speaks its wire."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from integration.codecs.hl7v2 import Message, parse
from integration.codecs.mllp import MllpDecoder, frame
from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.facts import AppointmentFacts, AppointmentStatus, PatientFacts, ScheduleFacts, Sex, SlotFacts
from integration.his.port import Accepted, ChangeKind, OutboundChange, Outcome
from runtime.embedded.ports import any_free
from tests.conftest import HIS_TOKEN, ROOT, make_database
from tests.factories.his_billing import Stations
from tests.factories.his_double import HisDouble

TOKEN = HIS_TOKEN
SERVES_SECONDS_MAX = 60
DAY = date.today() + timedelta(days=3)  # noqa: DTZ011  the micro-HIS compares with the real clock
STARTS = datetime(DAY.year, DAY.month, DAY.day, 0, 0, tzinfo=UTC)


@dataclass
class MicroHisProcess:
    """A running micro-HIS: its addresses, its database, and the platform that it talks to."""

    environment: dict[str, str]
    log: Path
    mllp_port: int
    http: httpx.AsyncClient
    db: asyncpg.Connection
    platform: HisDouble
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: ASYNC220  it takes a millisecond, and outlives the loop's turn
                [sys.executable, "-m", "integration.micro_his.main"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        async with asyncio.timeout(SERVES_SECONDS_MAX):
            while not await self.serves():
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def serves(self) -> bool:
        try:
            return (await self.http.get("/health")).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    async def connect(self) -> "Wire":
        reader, writer = await asyncio.open_connection("127.0.0.1", self.mllp_port)
        return Wire(reader, writer, MllpDecoder())

    async def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table once nothing is being told, so that a refusal can prove that it changed none."""
        async with asyncio.timeout(SERVES_SECONDS_MAX):
            while await self.db.fetchval("SELECT EXISTS (SELECT FROM message WHERE status = 'waiting')"):
                await asyncio.sleep(0.02)
        tables = await self.db.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {
            row["tablename"]: [tuple(found) for found in await self.db.fetch(f"SELECT * FROM {row['tablename']}")]
            for row in tables
        }


@dataclass
class Wire:
    """One MLLP connection to the micro-HIS."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    decoder: MllpDecoder

    async def send(self, payload: bytes) -> Message:
        self.writer.write(frame(payload))
        return await self.hear()

    async def hear(self) -> Message:
        while (payload := self.decoder.next_message()) is None:
            data = await asyncio.wait_for(self.reader.read(65536), 20)
            if not data:
                raise ConnectionResetError
            self.decoder.feed(data)
        return parse(payload)

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def running_micro_his(
    superuser_url: str, database_name: str, log: Path, *, http_port: int | None = None
) -> AsyncIterator[MicroHisProcess]:
    """A micro-HIS with a database of that name, and a platform beside it that says yes."""
    url = await asyncio.to_thread(make_database, superuser_url, database_name, "template0")
    platform = await HisDouble().start()
    mllp_port = any_free("127.0.0.1")
    http_port = http_port or any_free("127.0.0.1")
    http = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{http_port}", headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False
    )
    running = MicroHisProcess(
        environment={
            "PATH": os.environ["PATH"],
            "MODE": "sandbox",
            "MICRO_HIS_DATABASE_URL": url,
            "MICRO_HIS_MLLP": f"127.0.0.1:{mllp_port}",
            "MICRO_HIS_HTTP": f"127.0.0.1:{http_port}",
            "MICRO_HIS_PEER": f"127.0.0.1:{platform.port}",
            "HIS_HTTP_TOKEN": TOKEN,
        },
        log=log,
        mllp_port=mllp_port,
        http=http,
        db=await asyncpg.connect(url),
        platform=platform,
    )
    await running.start()
    try:
        yield running
    finally:
        running.stop()
        await running.db.close()
        await http.aclose()
        await platform.stop()


@pytest.fixture(scope="session")
async def _micro_his(
    services: dict[str, str], worker_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[MicroHisProcess]:
    log = tmp_path_factory.mktemp("micro-his") / "log"
    async with running_micro_his(services["superuser_url"], f"micro_his_{worker_name}", log) as running:
        yield running


@pytest.fixture
async def micro_his(_micro_his: MicroHisProcess) -> MicroHisProcess:
    """The worker's micro-HIS, with a platform that says yes; every test brings its own schedules and people."""
    _micro_his.platform.judge = lambda _: None
    _micro_his.platform.answers = True
    return _micro_his


@pytest.fixture
async def wire(micro_his: MicroHisProcess) -> AsyncIterator[Wire]:
    one = await micro_his.connect()
    yield one
    one.close()


@pytest.fixture
async def platform_port(micro_his: MicroHisProcess) -> AsyncIterator[Hl7MllpHis]:
    """The platform's own adapter, telling this micro-HIS."""
    port = Hl7MllpHis(host="127.0.0.1", port=micro_his.mllp_port, profile=Hl7Profile("MICROHIS"))
    yield port
    await port.close()


@pytest.fixture
async def billing(micro_his: MicroHisProcess) -> AsyncIterator[RestHisBilling]:
    """The platform's own adapter to this micro-HIS's money side."""
    adapter = RestHisBilling(base_url=str(micro_his.http.base_url), token=TOKEN)
    yield adapter
    await adapter.close()


@pytest.fixture
def stations(micro_his: MicroHisProcess) -> Stations:
    """The hospital's own programs, with a person of their own."""
    return Stations(micro_his.http)


def a_person(name: str = "张三丰") -> PatientFacts:
    serial = uuid.uuid4().int
    return PatientFacts(
        platform_id=uuid.uuid4(),
        his_number=None,
        name=name,
        birth_date=date(1990, 1, 2),
        sex=Sex.MALE,
        document_type="PPN",
        document_number=f"E{serial % 10**9:09d}",
        phone="13800000000",
    )


def a_schedule(
    *, window: tuple[int, ...] = (2, 4), until: datetime | None = None, version: int = 1, status: str = "active"
) -> ScheduleFacts:
    """Two bands of five numbers; the window has some of the first."""
    return ScheduleFacts(
        schedule_id=uuid.uuid4(),
        clinic_code="YX0301",
        practitioner_code="D0001",
        service_type="general",
        clinic_date=DAY,
        period="morning",
        status=status,
        fee_fen=1700,
        version=version,
        room_code="YX0301-01",
        slots=(
            SlotFacts(STARTS, STARTS + timedelta(minutes=30), 1, 5, window, until or STARTS - timedelta(hours=1)),
            SlotFacts(STARTS + timedelta(minutes=30), STARTS + timedelta(minutes=60), 6, 10, (), None),
        ),
    )


def an_appointment(schedule: ScheduleFacts, sequence: int, patient: PatientFacts | None = None) -> AppointmentFacts:
    slot = next(one for one in schedule.slots if one.first_sequence <= sequence <= one.last_sequence)
    return AppointmentFacts(
        platform_id=uuid.uuid4(),
        his_id=None,
        status=AppointmentStatus.BOOKED,
        version=1,
        schedule_id=schedule.schedule_id,
        sequence=sequence,
        patient=patient or a_person(),
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        clinic_code="YX0301",
        practitioner_code="D0001",
        service_type="general",
        made_by="demo-city-portal",
        channel="city_portal",
    )


async def tell(port: Hl7MllpHis, kind: ChangeKind, facts: Any, *, message_id: UUID | None = None) -> Outcome:
    return await port.deliver(OutboundChange(kind, facts), message_id=message_id or uuid.uuid4())


async def tell_schedule(port: Hl7MllpHis, schedule: ScheduleFacts) -> ScheduleFacts:
    assert isinstance(await tell(port, ChangeKind.SCHEDULES_PUBLISHED, (schedule,)), Accepted)
    return schedule


def render(kind: ChangeKind, facts: Any, *, charset: str = "UNICODE UTF-8", message_id: UUID | None = None) -> bytes:
    """The bytes that the platform would send."""
    profile = Hl7Profile("MICROHIS", charset)
    change = OutboundChange(kind, facts)
    return profile.render(change, message_id=message_id or uuid.uuid4(), at=datetime.now(UTC)).encode()


async def row_of(his: MicroHisProcess, platform_id: UUID | None) -> tuple[Any, ...] | None:
    row = await his.db.fetchrow(
        "SELECT status, version, schedule_id, sequence FROM appointment WHERE platform_id = $1", platform_id
    )
    return tuple(row) if row else None
