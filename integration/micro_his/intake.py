"""Taking in one message of the platform: its effect, and the answer to it, in one transaction.

AA when it was taken, with our numbers in MSA-3 (`his_id=... his_number=...`); AE with a stable word in ERR-3 when it
cannot be done (yet); AR when it cannot be read. Only AA is remembered by control id: a refusal has had no effect,
and the sender asks again under the same control id once what was missing has come.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from integration.codecs.errors import Hl7Error, RequiredFieldMissing
from integration.codecs.hl7v2 import Message, Segment, parse, read_header
from integration.codecs.hl7v2_header import AckCode, AckError, build_ack, describe_error
from integration.micro_his import masters, numbers, wire_in
from integration.micro_his.charts import find_chart, follow_patient, open_chart
from integration.micro_his.wire_out import SENDER
from kernel import clock
from kernel.db import Database, DatabaseBusy, DatabaseUnavailable, Transaction
from kernel.errors import HospitalError
from kernel.ids import new_id
from kernel.log import get_logger

CONTROL_ID_CHARACTERS_MAX: Final = 199
"""HL7 v2.5.1 gives MSH-10 twenty characters; v2.7 allows 199, and our peer sends 36."""
INTERNAL_ERROR: Final = AckError("207", "系统出错，请稍后重发", "Application internal error", "HL70357")

Take = Callable[[Transaction], Awaitable[str]]
"""Does what a message tells; gives MSA-3 of the acceptance."""

log = get_logger("micro_his")


class Intake:
    """Answers the platform's messages."""

    def __init__(self, db: Database, *, charset: str) -> None:
        self._db = db
        self._charset = charset

    async def answer(self, data: bytes) -> bytes:
        """Take one message in and give the acknowledgement.

        Raises:
            DatabaseUnavailable: nothing is known to be kept, so nothing may be acknowledged.
        """
        try:
            message = parse(data)
            if not 1 <= len(message.control_id) <= CONTROL_ID_CHARACTERS_MAX:
                raise RequiredFieldMissing(f"MSH-10 wants 1 to {CONTROL_ID_CHARACTERS_MAX} characters")
            take = read_message(message, charset=self._charset)
        except Hl7Error as error:
            log.warning("micro_his_message_rejected", fault=type(error).__name__)
            return _acknowledge(read_header(data), AckCode.REJECTED, error=describe_error(error))
        try:
            return await self._take_once(message, take)
        except (DatabaseUnavailable, DatabaseBusy):
            raise DatabaseUnavailable from None
        except HospitalError as error:
            word = error.code.rpartition(".")[2]
            log.info("micro_his_message_refused", message_event=message.kind[1], code=word)
            return _acknowledge(message.header, AckCode.ERROR, error=AckError(word, error.zh))
        except Exception:
            # A fault of ours: the sender keeps the message and sends it again.
            log.exception("micro_his_message_failed", message_event=message.kind[1])
            return _acknowledge(message.header, AckCode.ERROR, error=INTERNAL_ERROR)

    async def _take_once(self, message: Message, take: Take) -> bytes:
        """Do what the message tells, unless its control id was answered before.

        The control id goes in first: a repeat that arrives meanwhile waits for us, and then reads our answer.
        """
        sender, control_id = message.header.text(3), message.control_id
        async with self._db.transaction() as tx:
            is_new = await tx.execute(
                "INSERT INTO answered (sender, control_id, answer, answered_at) VALUES ($1, $2, '', $3)"
                " ON CONFLICT DO NOTHING",
                sender,
                control_id,
                clock.now(),
            )
            if not is_new:
                stored: str = await tx.fetchval(
                    "SELECT answer FROM answered WHERE sender = $1 AND control_id = $2", sender, control_id
                )
                return stored.encode()
            note = await take(tx)
            answer = _acknowledge(message.header, AckCode.ACCEPTED, text=note)
            await tx.execute(
                "UPDATE answered SET answer = $3 WHERE sender = $1 AND control_id = $2",
                sender,
                control_id,
                answer.decode(),
            )
        return answer


def read_message(message: Message, *, charset: str) -> Take:
    """Understand a message before anything is done; `charset` is for what we tell in return.

    Raises:
        Hl7Error: another event than those of our profile, or a field that cannot be read.
    """
    reader = _READERS.get(message.kind)
    if reader is None:
        raise wire_in.UnknownEvent("this event is not part of the profile")
    return reader(message, charset)


def _patient(message: Message, _charset: str) -> Take:
    told, version = wire_in.read_patient(message), wire_in.read_version(message)

    async def take(tx: Transaction) -> str:
        chart = await find_chart(tx, told)
        if chart is None:
            chart = await open_chart(tx, told, platform_version=version)
        else:
            await follow_patient(tx, chart, told, version=version)
        return f"his_id={chart['mr']}"

    return take


def _appointment(message: Message, _charset: str) -> Take:
    told = wire_in.read_appointment(message)

    async def take(tx: Transaction) -> str:
        his_id, mr = await numbers.take_appointment(tx, told)
        return f"his_id={his_id} his_number={mr}"

    return take


def _schedules(message: Message, charset: str) -> Take:
    told = wire_in.read_schedules(message)

    async def take(tx: Transaction) -> str:
        await masters.take_schedules(tx, told, charset=charset)
        return ""

    return take


def _practitioners(message: Message, _charset: str) -> Take:
    told = wire_in.read_practitioners(message)

    async def take(tx: Transaction) -> str:
        await masters.take_practitioners(tx, told)
        return ""

    return take


def _locations(message: Message, _charset: str) -> Take:
    told = wire_in.read_locations(message)

    async def take(tx: Transaction) -> str:
        await masters.take_locations(tx, told)
        return ""

    return take


_READERS: Final[dict[tuple[str, str], Callable[[Message, str], Take]]] = {
    ("ADT", "A28"): _patient,
    ("ADT", "A31"): _patient,
    **{("SIU", event): _appointment for event in ("S12", "S13", "S14", "S15", "S26")},
    ("MFN", "M02"): _practitioners,
    ("MFN", "M05"): _locations,
    ("MFN", "M13"): _schedules,
}


def reject_oversized() -> bytes:
    """Answer a message that outgrew the listener's limit, before the connection goes."""
    return _acknowledge(
        None, AckCode.REJECTED, error=AckError("102", "message too large", "Data type error", "HL70357")
    )


def _acknowledge(request: Segment | None, code: AckCode, *, text: str = "", error: AckError | None = None) -> bytes:
    """The answer in UTF-8, as its own MSH-18 says: an answer names nobody."""
    return build_ack(
        request=request,
        sender=SENDER,
        at=clock.now(),
        control_id=str(new_id()),
        code=code,
        text=text,
        error=error,
    ).encode()
