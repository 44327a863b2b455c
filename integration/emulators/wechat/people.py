"""WeChat's users as one mini-program sees them, and the codes that their telephones hand over."""

import base64
import secrets
import sqlite3
from datetime import timedelta
from typing import Any, Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.errors import ControlRefused
from integration.emulators.common.store import Store, to_ms
from integration.emulators.wechat.errors import WireError

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS person (
    openid TEXT PRIMARY KEY, unionid TEXT, country_code TEXT NOT NULL, phone TEXT,
    is_blocked INTEGER NOT NULL DEFAULT 0,
    CHECK (phone IS NULL OR phone <> ''));
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('login', 'phone')),
    openid TEXT NOT NULL REFERENCES person, made_ms INTEGER NOT NULL, used_ms INTEGER);
CREATE TABLE IF NOT EXISTS login_minute (openid TEXT NOT NULL, minute INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (openid, minute));
"""
CODE_LIVES: Final = timedelta(minutes=5)
LOGINS_PER_MINUTE: Final = 100
OPENID_CHARACTERS: Final = 28
SESSION_KEY_BYTES: Final = 16
MINUTE_MS: Final = 60_000

Message = dict[str, Any]


class People:
    """The users of one mini-program; every method runs in the caller's transaction."""

    def __init__(self, store: Store, clock: EmulatorClock, *, app_id: str) -> None:
        self._store = store
        self._clock = clock
        self._app_id = app_id

    def add(
        self, *, openid: str | None, unionid: str | None, phone: str | None, country_code: str, is_blocked: bool
    ) -> Message:
        """Have a user; whoever is there already is changed."""
        openid = openid or f"o{secrets.token_urlsafe(OPENID_CHARACTERS)[: OPENID_CHARACTERS - 1]}"
        self._store.execute(
            "INSERT INTO person (openid, unionid, country_code, phone, is_blocked) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (openid) DO UPDATE SET unionid = excluded.unionid, phone = excluded.phone,"
            " country_code = excluded.country_code, is_blocked = excluded.is_blocked",
            openid,
            unionid,
            country_code,
            phone,
            int(is_blocked),
        )
        return {"openid": openid, "unionid": unionid, "phone": phone}

    def make_code(self, openid: str, kind: str) -> Message:
        """Make a code as `wx.login` or the button that asks for the number does.

        Raises:
            ControlRefused: no such user, or no number to give.
        """
        person = self.find(openid)
        if person is None:
            raise ControlRefused("no user of that openid")
        if kind == "phone" and person["phone"] is None:
            raise ControlRefused("the user has no number")
        code = f"0{secrets.token_urlsafe(24)[:31]}" if kind == "login" else secrets.token_hex(32)
        self._store.execute(
            "INSERT INTO code (code, kind, openid, made_ms) VALUES (?, ?, ?, ?)", code, kind, openid, self._now_ms()
        )
        return {"code": code, "expires_in": int(CODE_LIVES.total_seconds())}

    def log_in(self, code: str) -> Message:
        """Tell who handed a login code over (`jscode2session`), once.

        Raises:
            WireError: 40029 unknown or over, 40163 used, 40226 blocked, 45011 too often.
        """
        person = self._use(code, "login")
        if person["is_blocked"]:
            raise WireError(40226)
        self._count_login(person["openid"])
        session_key = base64.b64encode(secrets.token_bytes(SESSION_KEY_BYTES)).decode()
        answer = {"session_key": session_key, "openid": person["openid"]}
        return answer | ({"unionid": person["unionid"]} if person["unionid"] else {})

    def tell_phone(self, code: str) -> Message:
        """Tell the number behind a code (`getuserphonenumber`), once.

        Raises:
            WireError: 40029 unknown, used or over.
        """
        try:
            person = self._use(code, "phone")
        except WireError as error:
            # This interface says of a used code what it says of any other.
            raise WireError(40029) from error
        country_code, pure = person["country_code"], person["phone"]
        return {
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": pure if country_code == "86" else f"{country_code}-{pure}",
                "purePhoneNumber": pure,
                "countryCode": country_code,
                "watermark": {"timestamp": self._now_ms() // 1000, "appid": self._app_id},
            },
        }

    def find(self, openid: str) -> sqlite3.Row | None:
        """Give a user, or None."""
        return self._store.row("SELECT * FROM person WHERE openid = ?", openid)

    def _use(self, code: str, kind: str) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM code WHERE code = ? AND kind = ?", code, kind)
        now_ms = self._now_ms()
        if row is None or now_ms - row["made_ms"] > CODE_LIVES // timedelta(milliseconds=1):
            raise WireError(40029)
        if row["used_ms"] is not None:
            raise WireError(40163)
        self._store.execute("UPDATE code SET used_ms = ? WHERE code = ?", now_ms, code)
        person = self.find(row["openid"])
        assert person is not None, "a code belongs to somebody"
        return person

    def _count_login(self, openid: str) -> None:
        row = self._store.row(
            "INSERT INTO login_minute (openid, minute, count) VALUES (?, ?, 1)"
            " ON CONFLICT (openid, minute) DO UPDATE SET count = count + 1 RETURNING count",
            openid,
            self._now_ms() // MINUTE_MS,
        )
        assert row is not None, "an upsert returns its row"
        if row["count"] > LOGINS_PER_MINUTE:
            raise WireError(45011)

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())
