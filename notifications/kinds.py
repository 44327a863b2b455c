"""The kinds of messages, and what each may say: the registry that a new kind is added to.

A kind has a row in `notification_kind` (its words, which the hospital changes) and an entry here (the facts its words
may use). Whoever tells of an event gives all of them. A fact that tells where or by whom somebody is treated is
private: our own words leave it out of what a locked screen shows (docs/notifications.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

Group = Literal["appointment", "waitlist", "queue", "payment", "feedback", "report", "bed", "account"]
Channel = Literal["wechat", "sms"]
Moment = Literal["booked", "waitlist_joined", "checked_in", "paid", "feedback_filed"]

CHANNELS: Final[tuple[Channel, ...]] = ("wechat", "sms")
"""In the order in which they are tried."""
TEMPLATES_PER_MOMENT_MAX: Final = 3
"""So many templates may be asked for in one `wx.requestSubscribeMessage`."""


class Words(NamedTuple):
    """A name in both languages."""

    zh: str
    en: str


class Fen(NamedTuple):
    """An amount of money."""

    fen: int


Fact = str | int | datetime | Words | Fen
Facts = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What a kind's words may use. is_private: tells where or by whom somebody is treated."""

    sample: Fact
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message. moment: when the mini-program asks whether it may be sent."""

    group: Group
    placeholders: Mapping[str, Placeholder]
    moment: Moment | None = None


_PATIENT: Final = {"patient": Placeholder("张*")}
_VISIT: Final = _PATIENT | {
    "starts_at": Placeholder(datetime(2026, 12, 1, 0, 30, tzinfo=UTC)),
    "department": Placeholder(Words("心血管内科", "Cardiology"), is_private=True),
    "practitioner": Placeholder("李明", is_private=True),
    "campus": Placeholder(Words("天河院区", "Tianhe Campus")),
    "queue_number": Placeholder(12),
}
_WAS: Final = {"was_at": Placeholder(datetime(2026, 11, 30, 0, 30, tzinfo=UTC))}
_DEADLINE: Final = {"deadline": Placeholder(datetime(2026, 11, 29, 4, 0, tzinfo=UTC))}
_QUEUE: Final = _PATIENT | {
    "label": Placeholder("A12"),
    "room": Placeholder(Words("3 诊室", "Room 3"), is_private=True),
    "department": Placeholder(Words("心血管内科", "Cardiology"), is_private=True),
}
_MONEY: Final = _PATIENT | {
    "amount": Placeholder(Fen(12850)),
    "order_kind": Placeholder(Words("门诊费用", "outpatient bill")),
}

KINDS: Final[Mapping[str, Kind]] = {
    "appointment.booked": Kind("appointment", _VISIT, moment="booked"),
    "appointment.moved": Kind("appointment", _VISIT, moment="booked"),
    "appointment.cancelled": Kind("appointment", _VISIT),
    "stop.moved": Kind("appointment", _VISIT | _WAS, moment="booked"),
    "stop.substituted": Kind("appointment", _VISIT | _WAS),
    "stop.offered": Kind("appointment", _VISIT | _WAS | _DEADLINE, moment="booked"),
    "stop.cancelled": Kind("appointment", _VISIT | _WAS, moment="booked"),
    "stop.kept": Kind("appointment", _VISIT | _WAS),
    "stop.pending": Kind("appointment", _VISIT | _WAS),
    "waitlist.offered": Kind("waitlist", _VISIT | _DEADLINE, moment="waitlist_joined"),
    "waitlist.ended": Kind("waitlist", _PATIENT),
    "queue.near": Kind("queue", _QUEUE | {"ahead": Placeholder(3)}, moment="checked_in"),
    "queue.called": Kind("queue", _QUEUE, moment="checked_in"),
    "queue.passed": Kind("queue", _QUEUE),
    "bill.new": Kind("payment", _PATIENT | {"amount": Placeholder(Fen(12850))}),
    "payment.paid": Kind("payment", _MONEY),
    "payment.rejected": Kind("payment", _MONEY),
    "payment.refund_requested": Kind("payment", _MONEY),
    "payment.refunded": Kind("payment", _MONEY, moment="paid"),
    "payment.refund_declined": Kind("payment", _MONEY, moment="paid"),
    "feedback.acknowledged": Kind("feedback", _PATIENT),
    "feedback.transferred": Kind("feedback", _PATIENT),
    "feedback.answered": Kind("feedback", _PATIENT, moment="feedback_filed"),
    "feedback.closed": Kind("feedback", _PATIENT),
    "account.phone_changed": Kind("account", _PATIENT),
    "account.phone_released": Kind("account", _PATIENT),
}
GROUPS: Final[tuple[Group, ...]] = ("appointment", "waitlist", "queue", "payment", "feedback")
"""Those by which a person chooses; what becomes of the account itself is always told."""


def samples(kind: str) -> Facts:
    """Give the facts by which a hospital sees what its words look like."""
    return {name: one.sample for name, one in KINDS[kind].placeholders.items()}
