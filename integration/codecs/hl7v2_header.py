"""The frame of a conversation in HL7 v2: the MSH segment of a message, and the answer to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from integration.codecs.errors import BadFieldValue, Hl7Error
from integration.codecs.hl7v2 import UTF_8, Message, Segment
from integration.codecs.hl7v2_values import format_timestamp

VERSION = "2.5.1"


class AckCode(StrEnum):
    """What the receiver made of a message (HL7 table 0008)."""

    ACCEPTED = "AA"
    ERROR = "AE"
    REJECTED = "AR"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An application and the facility it runs in, as MSH-3 to MSH-6 name them."""

    application: str
    facility: str


@dataclass(frozen=True, slots=True)
class AckError:
    """Why a message was not accepted: a code for programs and a sentence for a person.

    `name` and `coding_system` go with codes of a published table.
    """

    code: str
    sentence: str
    name: str = ""
    coding_system: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A peer's answer: the code, the control id it answers, and why it refused."""

    code: AckCode
    control_id: str
    text: str = ""
    error_code: str = ""
    error_text: str = ""


def build_header(
    *,
    sender: Endpoint,
    receiver: Endpoint,
    at: datetime,
    kind: tuple[str, str, str],
    control_id: str,
    charset: str = UTF_8,
) -> Segment:
    """The MSH segment of a message in production mode.

    `kind` is message code, trigger event and structure, for example ``("SIU", "S12", "SIU_S12")``.
    """
    segment = Segment.build("MSH", {
        3: sender.application, 4: sender.facility, 5: receiver.application, 6: receiver.facility,
        7: format_timestamp(at), 9: tuple(kind), 10: control_id, 11: "P", 12: VERSION, 18: charset,
    })  # fmt: skip
    dialect = segment.dialect
    return Segment("MSH", (dialect.field, dialect.encoding_characters, *segment.raw[2:]), dialect)


def build_ack(
    *,
    request: Segment | None,
    sender: Endpoint,
    at: datetime,
    control_id: str,
    code: AckCode,
    text: str = "",
    error: AckError | None = None,
    charset: str = UTF_8,
) -> Message:
    """Answer a message; `request` is its MSH segment, or None when it had no readable one.

    `text` is MSA-3, where an acceptance may tell what it led to. The acknowledgement repeats the
    sender's trigger event and goes back to where the message came from.
    """
    receiver = Endpoint(request.text(3), request.text(4)) if request else Endpoint("", "")
    header = build_header(
        sender=sender,
        receiver=receiver,
        at=at,
        kind=("ACK", request.text(9, 2) if request else "", "ACK"),
        control_id=control_id,
        charset=charset,
    )
    answered = Segment.build("MSA", {1: code.value, 2: request.text(10) if request else "", 3: text})
    if error is None:
        return Message((header, answered))
    condition = (error.code, error.name, error.coding_system)
    return Message((header, answered, Segment.build("ERR", {3: condition, 4: "E", 8: error.sentence})))


def describe_error(error: Hl7Error) -> AckError:
    """A wire error as the ERR segment of a rejection (AR) tells it."""
    return AckError(error.error_code, str(error), error.error_text, "HL70357")


def read_ack(message: Message) -> Acknowledgement:
    """Understand a peer's answer.

    Raises:
        RequiredSegmentMissing: there is no MSA segment.
        RequiredFieldMissing: MSA-1 or MSA-2 is empty.
        BadFieldValue: MSA-1 is none of AA, AE, AR (CA, CE and CR of enhanced mode mean the same).
    """
    answered = message.required("MSA")
    error = message.first("ERR")
    return Acknowledgement(
        code=_read_ack_code(answered.required(1)),
        control_id=answered.required(2),
        text=answered.text(3),
        error_code=error.text(3) if error else "",
        error_text=(error.text(8) or error.text(3, 2)) if error else answered.text(3),
    )


def _read_ack_code(text: str) -> AckCode:
    try:
        return AckCode("A" + text[1:] if text in ("CA", "CE", "CR") else text)
    except ValueError:
        raise BadFieldValue(f"MSA-1 {text!r} is not an acknowledgement code") from None
