"""What the HIS tells is kept before it is acknowledged, heard once, and applied in order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from integration.codecs.hl7v2 import Message, parse
from integration.codecs.hl7v2_header import Acknowledgement, read_ack
from integration.codecs.mllp import FRAME_BYTES_MAX, MllpDecoder, frame
from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his import intake as intake_module
from integration.his.adapters.hl7v2_listener import Hl7MllpListener
from integration.his.errors import HisDisagrees, HisUnavailable
from integration.his.facts import BillFacts, PatientFacts
from integration.his.intake import TRIES_MAX, Intake
from kernel import clock
from kernel.crypto import FieldCipher
from kernel.db import Database
from kernel.errors import Conflict
from kernel.outbox import INBOX
from tests.service.integration.his.conftest import MONEY_KINDS, Feature, statuses

SCHEDULE = "01900000-0000-7000-8000-000000000003"


class SeatTaken(Conflict):
    code = "booking.seat_taken"
    zh = "该号已被预约"
    en = "This number is taken."


def header(event: str, control_id: str, *, sender: str = "MICROHIS") -> str:
    return (
        f"MSH|^~\\&|{sender}|GZHG|PLATFORM|GZHG|20261123083000+0800||{event}|{control_id}|P|2.5.1||||||UNICODE UTF-8\r"
    )


def person(control_id: str, number: str = "MR1", *, name: str = "张三") -> str:
    return header("ADT^A28^ADT_A05", control_id) + f"PID|1||{number}^^^MICROHIS^MR||{name}\r"


def window_booking(control_id: str, his_id: str = "H1") -> str:
    return (
        header("SIU^S12^SIU_S12", control_id)
        + f"SCH||{his_id}^MICROHIS|5||{SCHEDULE}^^PLATFORM\rNTE|1||version=1\r"
        + "PID|1||MR1^^^MICROHIS^MR||张三\r"
    )


def money(control_id: str, *segments: str, event: str = "DFT^P03^DFT_P03", version: int = 1) -> str:
    opening = header(event, control_id) + f"PID|1||MR1^^^MICROHIS^MR||张三\rNTE|1||version={version}\r"
    return opening + "".join(f"{segment}\r" for segment in segments)


@dataclass
class Window:
    """The HIS's end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    decoder: MllpDecoder

    async def send(self, text: str | bytes) -> Acknowledgement:
        self.writer.write(frame(text.encode() if isinstance(text, str) else text))
        return await self.hear()

    async def hear(self) -> Acknowledgement:
        return read_ack(await self.hear_message())

    async def hear_message(self) -> Message:
        while (payload := self.decoder.next_message()) is None:
            data = await asyncio.wait_for(self.reader.read(65536), 10)
            if not data:
                raise ConnectionResetError
            self.decoder.feed(data)
        return parse(payload)


@pytest.fixture
def intake(database: Database, feature: Feature, cipher: FieldCipher) -> Intake:
    return Intake(database, feature.subscriptions(), cipher=cipher)


@pytest.fixture
async def listening(intake: Intake) -> AsyncIterator[int]:
    listener = Hl7MllpListener(intake=intake, profile=Hl7Profile("MICROHIS"))
    yield await listener.start("127.0.0.1", 0)
    await listener.stop(grace_seconds=1)


async def connect(port: int) -> Window:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return Window(reader, writer, MllpDecoder())


@pytest.fixture
async def window(listening: int) -> AsyncIterator[Window]:
    one = await connect(listening)
    yield one
    one.writer.close()


async def apply_all(db: Database, intake: Intake) -> int:
    lease = await INBOX.claim(db, "his", limit=100, lease_seconds=30)
    return 0 if lease is None else await intake.apply_batch(lease)


async def test_a_message_is_acknowledged_when_it_is_kept_and_applied_later(
    database: Database, window: Window, intake: Intake, feature: Feature
) -> None:
    answer = await window.send(person("M1"))

    assert (answer.code, answer.control_id, answer.text) == ("AA", "M1", "")
    assert [status for _, status in await statuses(database, "inbox")] == ["pending"]
    assert feature.applied == []

    assert await apply_all(database, intake) == 1

    (change,) = feature.applied
    assert isinstance(change.facts, PatientFacts)
    assert (change.facts.name, change.facts.his_number) == ("张三", "MR1")
    assert [status for _, status in await statuses(database, "inbox")] == ["done"]


async def test_what_is_kept_names_nobody_in_the_clear(database: Database, window: Window) -> None:
    await window.send(person("M1", name="欧阳娜娜"))

    stored = await database.fetchval("SELECT inbox::text FROM inbox")
    sealed = await database.fetchval("SELECT facts_cipher FROM inbox")

    assert "欧阳娜娜" not in stored
    assert "欧阳娜娜".encode() not in sealed


async def test_a_repeat_gets_the_first_answer_and_changes_nothing(
    database: Database, listening: int, intake: Intake, feature: Feature
) -> None:
    windows = [await connect(listening) for _ in range(6)]

    answers = await asyncio.gather(*(one.send(person("M1")) for one in windows))
    for one in windows:
        one.writer.close()

    assert {(answer.code, answer.control_id) for answer in answers} == {("AA", "M1")}
    assert len(await statuses(database, "inbox")) == 1
    await apply_all(database, intake)
    assert len(feature.applied) == 1


async def test_order_is_kept_for_one_person(
    database: Database, window: Window, intake: Intake, feature: Feature
) -> None:
    for number in ("M1", "M2", "M3"):
        await window.send(person(number, name=number))

    while await apply_all(database, intake):
        pass

    assert [change.control_id for change in feature.applied] == ["M1", "M2", "M3"]


async def test_a_booking_at_the_window_is_decided_in_the_answer(
    database: Database, window: Window, feature: Feature
) -> None:
    answer = await window.send(window_booking("M1"))

    assert (answer.code, answer.text) == ("AA", "")
    assert [change.control_id for change in feature.applied] == ["M1"]
    assert [status for _, status in await statuses(database, "inbox")] == ["done"]


async def test_a_seat_that_is_gone_is_refused_in_the_answer_and_leaves_nothing(
    database: Database, window: Window, feature: Feature
) -> None:
    feature.refuse_with = SeatTaken()

    answers = [await window.send(window_booking("M1")) for _ in range(2)]

    for answer in answers:
        assert (answer.code, answer.error_code, answer.error_text) == (
            "AE", "seat_taken", "该号已被预约",
        )  # fmt: skip
    assert await database.fetchval("SELECT count(*) FROM his_cursor") == 0
    assert feature.refused == []
    assert [status for _, status in await statuses(database, "inbox")] == ["done"]


async def test_what_was_told_before_about_the_person_is_applied_first(window: Window, feature: Feature) -> None:
    await window.send(person("M1"))
    await window.send(window_booking("M2"))

    assert [change.control_id for change in feature.applied] == ["M1", "M2"]


async def test_a_decision_that_takes_too_long_is_accepted_for_later(
    database: Database, window: Window, intake: Intake, feature: Feature,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(intake_module, "DECISION_SECONDS_MAX", 0.3)
    await window.send(person("M1"))
    # A worker has the person's message and is slow.
    lease = await INBOX.claim(database, "his", limit=1, lease_seconds=30)
    assert lease is not None

    answer = await window.send(window_booking("M2"))

    assert (answer.code, answer.text) == ("AA", "accepted=later")
    assert feature.applied == []
    await intake.apply_batch(lease)
    feature.refuse_with = SeatTaken()
    await apply_all(database, intake)
    assert feature.refused == [("M2", "booking.seat_taken")]
    assert [status for _, status in await statuses(database, "inbox")] == ["done", "done"]


@pytest.mark.parametrize("error", [HisDisagrees(), RuntimeError("a fault of ours")])
async def test_what_cannot_be_applied_is_tried_again_and_then_waits_for_a_person(
    database: Database, window: Window, intake: Intake, feature: Feature, error: Exception
) -> None:
    await window.send(person("M1"))
    await window.send(person("M2", "MR2"))
    feature.refuse_with = error
    for turn in range(TRIES_MAX):
        with clock.frozen(clock.now() + timedelta(minutes=2 * turn)):
            await apply_all(database, intake)

    assert [status for _, status in await statuses(database, "inbox")] == ["dead", "dead"]
    assert await database.fetchval("SELECT count(*) FROM his_cursor") == 0


async def test_what_is_out_of_reach_is_tried_for_ever(
    database: Database, window: Window, intake: Intake, feature: Feature
) -> None:
    await window.send(person("M1"))
    feature.refuse_with = HisUnavailable()
    for turn in range(3 * TRIES_MAX):
        with clock.frozen(clock.now() + timedelta(minutes=2 * turn)):
            await apply_all(database, intake)

    assert [status for _, status in await statuses(database, "inbox")] == ["pending"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"PID|1||x", "100"),
        (b"\x00\x01\x02", "100"),
        (header("ORU^R01^ORU_R01", "M1").encode(), "201"),
        (header("ADT^A28^ADT_A05", "M1").encode(), "100"),
        (header("ADT^A28^ADT_A05", "").encode(), "101"),
        (header("ADT^A28^ADT_A05", "M" * 200).encode(), "101"),
        (header("ADT^A28^ADT_A05", "M1", sender="EVIL").encode(), "103"),
        (person("M1").encode("gb18030"), "102"),
        (person("M1").replace("UNICODE UTF-8", "KLINGON").encode(), "103"),
        (person("M1").replace("张三", "张\x07三").encode(), "102"),
        (person("M1").replace("MR1^^^MICROHIS^MR", "'; DROP TABLE inbox;--").encode(), "101"),
        (window_booking("M1").replace("version=1", "version=-1").encode(), "102"),
        (window_booking("M1").replace("|5|", "|99999999999999999999|").encode(), "102"),
        (window_booking("M1").replace(SCHEDULE, "../../etc").encode(), "102"),
    ],
)
async def test_what_cannot_be_read_is_rejected_and_changes_nothing(
    database: Database, window: Window, feature: Feature, payload: bytes, code: str
) -> None:
    window.writer.write(frame(payload))
    answer = await window.hear_message()

    assert answer.required("MSA").text(1) == "AR"
    assert answer.required("ERR").text(3) == code
    assert await statuses(database, "inbox") == []
    assert (await window.send(person("M9"))).code == "AA"


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x0bMSH|\x0bMSH|", b"\x0bMSH|\x1cX"])
async def test_broken_framing_ends_the_connection(database: Database, listening: int, garbage: bytes) -> None:
    one = await connect(listening)
    one.writer.write(garbage)

    assert await asyncio.wait_for(one.reader.read(), 5) == b""
    assert await statuses(database, "inbox") == []
    one.writer.close()


async def test_a_message_that_never_ends_is_cut_off(database: Database, listening: int) -> None:
    one = await connect(listening)
    one.writer.write(b"\x0bMSH|" + b"x" * (FRAME_BYTES_MAX + 10))

    rest = await asyncio.wait_for(one.reader.read(), 10)

    assert b"MSA|AR" in rest
    one.writer.close()
    assert await statuses(database, "inbox") == []


async def test_news_of_money_reaches_who_subscribes_in_order(
    database: Database, window: Window, intake: Intake, feature: Feature
) -> None:
    stay = "PV1|1|I|0301" + "|" * 16 + "Z00000005" + "|" * 26 + "20261125100000+0800"
    told = (
        money("M1", "ZBL|BILL|B00000042|unpaid|||2000|1000||laboratory"),
        money("M2", "ZBL|BILL|B00000042|paid|||2000|1000||laboratory", version=2),
        money("M3", "ZBL|APPROVAL|A00000003|approved|F00001||2470|0|"),
        money("M4", "ZBL|DEPOSIT|R00000021|posted||Z00000005|50000|0"),
        money("M5", stay, event="ADT^A03^ADT_A03", version=2),
        money("M6", "ZBL|APPROVAL|A00000004|refused|F00002||2470|0|done"),
    )

    answers = [await window.send(one) for one in told]
    repeated = await window.send(told[0])
    while await apply_all(database, intake):
        pass

    assert [answer.code for answer in (*answers, repeated)] == ["AA"] * 7
    applied = {change.control_id: change for change in feature.applied}
    assert {control_id: change.kind for control_id, change in applied.items()} == dict(
        zip(("M1", "M2", "M3", "M4", "M5"), MONEY_KINDS, strict=True)
    )
    bills = [change.facts for change in feature.applied if isinstance(change.facts, BillFacts)]
    assert [(bill.status, bill.version, bill.total_fen) for bill in bills] == [("unpaid", 1, 2_000), ("paid", 2, 2_000)]
    # Nobody subscribes to the last one: it is done, and says why.
    rows = await database.fetch("SELECT control_id, status, last_error FROM inbox ORDER BY id")
    assert [(row["status"], row["last_error"]) for row in rows] == [("done", None)] * 5 + [
        ("done", "nobody subscribes to it")
    ]


async def test_money_that_cannot_be_read_is_rejected_and_not_kept(database: Database, window: Window) -> None:
    answer = await window.send(money("M1", "ZBL|BILL|B00000042|unpaid|||20.00|1000||laboratory"))

    assert answer.code == "AR"
    assert await statuses(database, "inbox") == []
