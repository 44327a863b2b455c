"""Templates, how often a number may be written to, what telephones have received, and what the network reports.

Limits are those that Tencent Cloud sets for a new application: one message to a number in 30 seconds, five in an hour,
ten in a day (https://cloud.tencent.com/document/product/382/13299, frequency limits); a test may set others.
"""

import json
import re
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.store import Store, from_ms, to_ms
from integration.emulators.sms.errors import WireError
from kernel.clock import SHANGHAI

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS template (id TEXT PRIMARY KEY, content TEXT NOT NULL, is_code INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS telephone (phone TEXT PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, serial TEXT NOT NULL UNIQUE, phone TEXT NOT NULL, content TEXT NOT NULL,
    at_ms INTEGER NOT NULL, fee INTEGER NOT NULL, has_arrived INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS message_phone ON message (phone, at_ms);
CREATE TABLE IF NOT EXISTS report (
    message_id INTEGER PRIMARY KEY REFERENCES message, status TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS frequency (name TEXT PRIMARY KEY, most INTEGER NOT NULL);
"""
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "on": ("SUCCESS", "DELIVRD"),
    "nobody": ("FAIL", "MK:0001"),
    "off": ("FAIL", "EXPIRED"),
}
"""How a number stands, and what the network reports of a message to it; a `blocked` one is refused at once."""
BLOCKED: Final = "blocked"
FREQUENCIES: Final = {"thirty_seconds": 1, "hour": 5, "day": 10, "application_day": 100_000}
_PERIODS: Final = (
    ("thirty_seconds", timedelta(seconds=30), "LimitExceeded.PhoneNumberThirtySecondLimit"),
    ("hour", timedelta(hours=1), "LimitExceeded.PhoneNumberOneHourLimit"),
)
MAINLAND: Final = re.compile(r"\+861[3-9][0-9]{9}")
ELSEWHERE: Final = re.compile(r"\+(?!86)[1-9][0-9]{6,14}")
PLACE: Final = re.compile(r"\{([1-9][0-9]?)\}")
CODE: Final = re.compile(r"[0-9]{0,6}")
ADDRESS: Final = re.compile(r"https?://|www\.", re.IGNORECASE)
FORBIDDEN_WORDS: Final = ("赌博", "发票代开")
CONTENT_CHARACTERS_MAX: Final = 500
ONE_MESSAGE_CHARACTERS: Final = 70
PART_CHARACTERS: Final = 67
SHOWN_MAX: Final = 200

Message = dict[str, Any]


class Messages:
    """What one application may send, and has sent; every method runs in the caller's transaction."""

    def __init__(self, store: Store, clock: EmulatorClock, *, sign_name: str) -> None:
        self._store = store
        self._clock = clock
        self._sign_name = sign_name

    def register(self, template_id: str, *, content: str, is_code: bool) -> None:
        """Have a template, as one is approved.

        Raises:
            ControlRefused: its places are not {1}, {2}, ... in their order, or it cannot be one.
        """
        places = [int(place) for place in PLACE.findall(content)]
        if places != list(range(1, len(places) + 1)):
            raise ControlRefused("the places of a template are {1}, {2}, ... in their order")
        if not re.fullmatch(r"[0-9]{1,20}", template_id) or "{" in PLACE.sub("", content) or "【" in content:
            raise ControlRefused("a template has an id of digits, and no brackets but its places'")
        self._store.execute(
            "INSERT INTO template (id, content, is_code) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET content = excluded.content, is_code = excluded.is_code",
            template_id,
            content,
            int(is_code),
        )

    def set_telephone(self, phone: str, state: str) -> None:
        """Say how a number stands: on, off, nobody's, or blocked by its owner. Raises: ControlRefused."""
        if state not in STATES and state != BLOCKED:
            raise ControlRefused(f"a telephone is {', '.join(STATES)} or {BLOCKED}")
        self._store.execute(
            "INSERT INTO telephone (phone, state) VALUES (?, ?) ON CONFLICT (phone) DO UPDATE SET state = ?",
            phone,
            state,
            state,
        )

    def set_frequency(self, name: str, most: int) -> None:
        """Allow so many messages of one kind. Raises: ControlRefused."""
        if name not in FREQUENCIES or not 0 <= most <= 10**6:
            raise ControlRefused(f"limits are {', '.join(FREQUENCIES)}, each 0 to 1000000")
        self._store.execute(
            "INSERT INTO frequency (name, most) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET most = ?",
            name,
            most,
            most,
        )

    def send(self, number: str, *, sign_name: str, template_id: str, values: Sequence[str]) -> Message:
        """Send one message and give its status.

        Raises:
            WireError: by the rules of the gateway; nothing was sent.
        """
        if not MAINLAND.fullmatch(number):
            raise WireError("InvalidParameterValue.IncorrectPhoneNumber")
        if sign_name != self._sign_name:
            raise WireError("FailedOperation.SignatureIncorrectOrUnapproved")
        content = self._fill(template_id, values)
        phone = number.removeprefix("+86")
        row = self._store.row("SELECT state FROM telephone WHERE phone = ?", phone)
        state = row["state"] if row else "on"
        if state == BLOCKED:
            raise WireError("FailedOperation.PhoneNumberInBlacklist")
        self._require_frequency(phone)
        return self._keep(number, phone, content, state)

    def pull(self, limit: int) -> list[Message]:
        """Give reports out, the oldest first, and forget them."""
        rows = self._store.rows(
            "SELECT r.*, m.serial, m.phone, m.at_ms FROM report r JOIN message m ON m.id = r.message_id"
            " ORDER BY r.message_id LIMIT ?",
            limit,
        )
        for row in rows:
            self._store.execute("DELETE FROM report WHERE message_id = ?", row["message_id"])
        return [
            {
                "UserReceiveTime": row["at_ms"] // 1000,
                "CountryCode": "86",
                "SubscriberNumber": row["phone"],
                "PhoneNumber": f"+86{row['phone']}",
                "SerialNo": row["serial"],
                "ReportStatus": row["status"],
                "Description": row["reason"],
            }
            for row in rows
        ]

    def received(self, phone: str) -> list[Message]:
        """Show what a telephone has received, newest first."""
        rows = self._store.rows(
            "SELECT * FROM message WHERE phone = ? AND has_arrived ORDER BY id DESC LIMIT ?", phone, SHOWN_MAX
        )
        return [_describe(row) for row in rows]

    def count(self) -> int:
        """Tell how many messages were taken."""
        row = self._store.row("SELECT count(*) AS count FROM message")
        assert row is not None, "a count gives its row"
        return int(row["count"])

    def templates(self) -> list[Message]:
        """Show the templates."""
        rows = self._store.rows("SELECT * FROM template ORDER BY id")
        return [{"id": row["id"], "content": row["content"], "is_code": bool(row["is_code"])} for row in rows]

    def _fill(self, template_id: str, values: Sequence[str]) -> str:
        template = self._store.row("SELECT * FROM template WHERE id = ?", template_id)
        if template is None:
            raise WireError("FailedOperation.TemplateUnapprovedOrNotExist")
        if len(values) != len(PLACE.findall(template["content"])) or "" in values:
            raise WireError("FailedOperation.TemplateParamSetNotMatchApprovedTemplate")
        for value in values:
            if template["is_code"] and not CODE.fullmatch(value):
                raise WireError("InvalidParameterValue.TemplateParameterFormatError")
            if ADDRESS.search(value):
                raise WireError("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter")
            if any(word in value for word in FORBIDDEN_WORDS):
                raise WireError("FailedOperation.ContainSensitiveWord")
        content = PLACE.sub(lambda place: values[int(place[1]) - 1], template["content"])
        content = f"【{self._sign_name}】{content}"
        if len(content) > CONTENT_CHARACTERS_MAX:
            raise WireError("InvalidParameterValue.ContentLengthLimit")
        return content

    def _require_frequency(self, phone: str) -> None:
        now = self._clock.now()
        for name, period, code in _PERIODS:
            if self._count_since(to_ms(now - period), phone) >= self._most(name):
                raise WireError(code)
        today = to_ms(now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0))
        if self._count_since(today, phone) >= self._most("day"):
            raise WireError("LimitExceeded.PhoneNumberDailyLimit")
        if self._count_since(today) >= self._most("application_day"):
            raise WireError("LimitExceeded.AppDailyLimit")

    def _count_since(self, at_ms: int, phone: str | None = None) -> int:
        row = self._store.row(
            "SELECT count(*) AS count FROM message WHERE at_ms > ? AND (? IS NULL OR phone = ?)", at_ms, phone, phone
        )
        assert row is not None, "a count gives its row"
        return int(row["count"])

    def _most(self, name: str) -> int:
        row = self._store.row("SELECT most FROM frequency WHERE name = ?", name)
        return int(row["most"]) if row else FREQUENCIES[name]

    def _keep(self, number: str, phone: str, content: str, state: str) -> Message:
        serial = f"2640:{secrets.randbelow(10**12):012d}{self._store.next_number('message'):08d}"
        fee = 1 if len(content) <= ONE_MESSAGE_CHARACTERS else -(-len(content) // PART_CHARACTERS)
        status, reason = STATES[state]
        row = self._store.row(
            "INSERT INTO message (serial, phone, content, at_ms, fee, has_arrived) VALUES (?, ?, ?, ?, ?, ?)"
            " RETURNING id",
            serial,
            phone,
            content,
            to_ms(self._clock.now()),
            fee,
            int(status == "SUCCESS"),
        )
        assert row is not None, "an insert returns its row"
        self._store.execute("INSERT INTO report VALUES (?, ?, ?)", row["id"], status, reason)
        return {
            "SerialNo": serial,
            "PhoneNumber": number,
            "Fee": fee,
            "SessionContext": "",
            "Code": "Ok",
            "Message": "send success",
            "IsoCode": "CN",
        }


def read_templates(text: str) -> list[Message]:
    """Read the templates that lie in a folder: a list of `id`, `content` and `code`.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    return [
        {"template_id": str(one["id"]), "content": str(one["content"]), "is_code": bool(one.get("code", False))}
        for one in json.loads(text)
    ]


def _describe(row: sqlite3.Row) -> Message:
    return {
        "serial": row["serial"],
        "content": row["content"],
        "fee": row["fee"],
        "at": from_ms(row["at_ms"]).isoformat(),
    }
