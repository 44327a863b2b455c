"""Subscribe messages: templates, how often each user may be written to by each, and what they have received."""

import json
import re
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.store import Store, from_ms, to_ms
from integration.emulators.wechat.errors import WireError
from integration.emulators.wechat.fields import kind_of, read_data
from integration.emulators.wechat.people import People

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS template (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, fields TEXT NOT NULL, is_long_term INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS subscription (
    openid TEXT NOT NULL REFERENCES person, template_id TEXT NOT NULL REFERENCES template,
    left_count INTEGER NOT NULL DEFAULT 0 CHECK (left_count >= 0), is_banned INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (openid, template_id));
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT, openid TEXT NOT NULL REFERENCES person, template_id TEXT NOT NULL,
    page TEXT, data TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS message_openid ON message (openid, id);
CREATE TABLE IF NOT EXISTS page (path TEXT PRIMARY KEY);
"""
FIELDS_MAX: Final = 10
TIMES_MAX: Final = 1000
SHOWN_MAX: Final = 200
LONG_TERM: Final = TIMES_MAX
PAGE: Final = re.compile(r"[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*(\?[!-~]*)?")
PAGE_CHARACTERS_MAX: Final = 1024
STATES: Final = (None, "developer", "trial", "formal")
LANGUAGES: Final = (None, "zh_CN", "en_US", "zh_HK", "zh_TW")

Message = dict[str, Any]


class Messages:
    """What one mini-program may send, and has sent; every method runs in the caller's transaction."""

    def __init__(self, store: Store, clock: EmulatorClock, people: People) -> None:
        self._store = store
        self._clock = clock
        self._people = people

    def register(self, template_id: str, *, title: str, fields: Sequence[object], is_long_term: bool) -> None:
        """Have a template, as one is chosen from WeChat's library.

        Raises:
            ControlRefused: a field is of no known kind, or there are none or too many.
        """
        if not 1 <= len(fields) <= FIELDS_MAX or len(set(fields)) != len(fields):
            raise ControlRefused(f"a template has 1 to {FIELDS_MAX} fields, each once")
        for name in fields:
            if not isinstance(name, str) or kind_of(name) is None:
                raise ControlRefused(f"no kind of field begins the name {name!r}")
        self._store.execute(
            "INSERT INTO template (id, title, fields, is_long_term) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET title = excluded.title, fields = excluded.fields, is_long_term = excluded.is_long_term",
            template_id,
            title,
            json.dumps(list(fields)),
            int(is_long_term),
        )

    def set_pages(self, paths: Sequence[str]) -> None:
        """Say which pages the released mini-program has; with none named, any well-formed path is one."""
        self._store.execute("DELETE FROM page")
        for path in paths:
            self._store.execute("INSERT OR IGNORE INTO page (path) VALUES (?)", path)

    def choose(self, openid: str, template_id: str, choice: str, *, times: int) -> None:
        """Answer the question whether messages by a template are wanted: accept, reject or ban.

        Raises:
            ControlRefused: no such user, template or answer.
        """
        template = self._store.row("SELECT * FROM template WHERE id = ?", template_id)
        if template is None or self._people.find(openid) is None:
            raise ControlRefused("no such user or template")
        if not 1 <= times <= TIMES_MAX:
            raise ControlRefused(f"times is 1 to {TIMES_MAX}")
        self._store.execute(
            "INSERT OR IGNORE INTO subscription (openid, template_id) VALUES (?, ?)", openid, template_id
        )
        where = "WHERE openid = ? AND template_id = ?"
        match choice:
            case "accept":
                count = LONG_TERM if template["is_long_term"] else times
                self._store.execute(
                    f"UPDATE subscription SET left_count = min(left_count + ?, {TIMES_MAX}), is_banned = 0 {where}",  # noqa: S608  constants
                    count,
                    openid,
                    template_id,
                )
            case "reject":
                pass  # Saying no once takes nothing back that was said before.
            case "ban":
                self._store.execute(
                    f"UPDATE subscription SET left_count = 0, is_banned = 1 {where}",  # noqa: S608  constants
                    openid,
                    template_id,
                )
            case _:
                raise ControlRefused("choice is accept, reject or ban")

    def send(self, body: Message) -> int:
        """Send a message and use a subscription up; gives the message's number.

        Raises:
            WireError: 40003 nobody, 40037 no template, 41030 no page, 43101 not wanted, 47001 or 47003 not readable.
        """
        openid, template_id, page = body.get("touser"), body.get("template_id"), body.get("page")
        if not isinstance(openid, str) or self._people.find(openid) is None:
            raise WireError(40003)
        template = self._store.row("SELECT * FROM template WHERE id = ?", str(template_id))
        if template is None:
            raise WireError(40037)
        self._require_page(page)
        if body.get("miniprogram_state") not in STATES or body.get("lang") not in LANGUAGES:
            raise WireError(47001)
        data = read_data(body.get("data"), json.loads(template["fields"]))
        taken = self._store.execute(
            "UPDATE subscription SET left_count = left_count - ? WHERE openid = ? AND template_id = ?"
            " AND left_count > 0 AND is_banned = 0",
            0 if template["is_long_term"] else 1,
            openid,
            template["id"],
        )
        if taken != 1:
            raise WireError(43101)
        row = self._store.row(
            "INSERT INTO message (openid, template_id, page, data, at_ms) VALUES (?, ?, ?, ?, ?) RETURNING id",
            openid,
            template["id"],
            page,
            json.dumps(data, ensure_ascii=False),
            to_ms(self._clock.now()),
        )
        assert row is not None, "an insert returns its row"
        return int(row["id"])

    def received(self, openid: str) -> list[Message]:
        """Show what a user has received, newest first."""
        rows = self._store.rows(
            "SELECT m.*, t.title FROM message m LEFT JOIN template t ON t.id = m.template_id WHERE m.openid = ?"
            " ORDER BY m.id DESC LIMIT ?",
            openid,
            SHOWN_MAX,
        )
        return [_describe(row) for row in rows]

    def subscriptions(self, openid: str) -> Message:
        """Show how often a user may still be written to, by template."""
        rows = self._store.rows("SELECT * FROM subscription WHERE openid = ? ORDER BY template_id", openid)
        return {row["template_id"]: {"left": row["left_count"], "banned": bool(row["is_banned"])} for row in rows}

    def templates(self) -> list[Message]:
        """Show the templates."""
        rows = self._store.rows("SELECT * FROM template ORDER BY id")
        return [
            {
                "id": row["id"],
                "title": row["title"],
                "fields": json.loads(row["fields"]),
                "long_term": bool(row["is_long_term"]),
            }
            for row in rows
        ]

    def _require_page(self, page: object) -> None:
        if page is None:
            return
        if not isinstance(page, str) or len(page) > PAGE_CHARACTERS_MAX or not PAGE.fullmatch(page):
            raise WireError(41030)
        if self._store.row("SELECT 1 FROM page LIMIT 1") is None:
            return
        if self._store.row("SELECT 1 FROM page WHERE path = ?", page.partition("?")[0]) is None:
            raise WireError(41030)


def _describe(row: sqlite3.Row) -> Message:
    return {
        "id": row["id"],
        "template_id": row["template_id"],
        "title": row["title"],
        "page": row["page"],
        "data": json.loads(row["data"]),
        "at": from_ms(row["at_ms"]).isoformat(),
    }
