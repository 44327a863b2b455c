"""Access tokens of the stable kind: the same one until near its end, at most two alive at once.

https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-access-token/getStableAccessToken.html
"""

import secrets
import sqlite3
from datetime import timedelta
from typing import Final

from integration.emulators.common.clock import EmulatorClock
from integration.emulators.common.store import Store, from_ms, to_ms
from integration.emulators.wechat.errors import WireError
from kernel.clock import SHANGHAI

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS token (
    number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, issued_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL, is_stale INTEGER NOT NULL DEFAULT 0, is_forced INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS token_call (day TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (day, kind));
"""
LIVES: Final = timedelta(seconds=7200)
OVERLAP: Final = timedelta(minutes=5)
"""So long before its end a token is renewed, and so long the one before it goes on after a renewal."""
FORCED_APART: Final = timedelta(seconds=30)
FORCED_PER_DAY: Final = 20
ORDINARY_PER_DAY: Final = 500_000
TOKEN_BYTES: Final = 100
SHORT_CHARACTERS: Final = 32


class Tokens:
    """The tokens of one mini-program; every method runs in the caller's transaction."""

    def __init__(self, store: Store, clock: EmulatorClock) -> None:
        self._store = store
        self._clock = clock

    def give(self, *, force: bool) -> tuple[str, int]:
        """Give a token and how many seconds it lives.

        Raises:
            WireError: 45009, asked for too often today.
        """
        self._count("forced" if force else "ordinary", FORCED_PER_DAY if force else ORDINARY_PER_DAY)
        now = self._clock.now()
        latest = self._latest()
        if latest is not None:
            left = from_ms(latest["expires_ms"]) - now
            is_too_soon = latest["is_forced"] and now - from_ms(latest["issued_ms"]) < FORCED_APART
            # A stale token is refused everywhere but here: so it is when a cache of WeChat's own lags behind.
            if is_too_soon if force else left >= OVERLAP:
                return latest["token"], int(left.total_seconds())
            self._end_all_but(latest["number"], at_ms=to_ms(now))
            cut = min(latest["expires_ms"], to_ms(now + OVERLAP))
            self._store.execute("UPDATE token SET expires_ms = ? WHERE number = ?", cut, latest["number"])
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._store.execute(
            "INSERT INTO token (token, issued_ms, expires_ms, is_forced) VALUES (?, ?, ?, ?)",
            token,
            to_ms(now),
            to_ms(now + LIVES),
            int(force),
        )
        return token, int(LIVES.total_seconds())

    def require(self, token: str) -> None:
        """Check a call's token.

        Raises:
            WireError: 41001 none, 40014 none of ours, 40001 no longer the latest, 42001 over.
        """
        if not token:
            raise WireError(41001)
        row = self._store.row("SELECT * FROM token WHERE token = ?", token)
        if row is None:
            raise WireError(40014 if len(token) < SHORT_CHARACTERS else 40001)
        if row["is_stale"]:
            raise WireError(40001)
        if row["expires_ms"] <= to_ms(self._clock.now()):
            latest = self._latest()
            assert latest is not None, "there is at least this one"
            raise WireError(42001 if latest["number"] == row["number"] else 40001)

    def expire(self) -> None:
        """End the latest token before its time."""
        self._store.execute("UPDATE token SET expires_ms = ? WHERE expires_ms > ?", *(to_ms(self._clock.now()),) * 2)

    def spoil(self) -> None:
        """Have the latest token refused, although it goes on being given until one is forced."""
        self._store.execute("UPDATE token SET is_stale = 1")

    def describe(self) -> dict[str, object]:
        """Show how often tokens were asked for and given, never the tokens."""
        issued = self._store.row("SELECT count(*) AS count FROM token")
        assert issued is not None, "a count gives its row"
        rows = self._store.rows("SELECT kind, sum(count) AS count FROM token_call GROUP BY kind")
        calls = {row["kind"]: row["count"] for row in rows}
        return {"issued": issued["count"], "ordinary": calls.get("ordinary", 0), "forced": calls.get("forced", 0)}

    def _latest(self) -> sqlite3.Row | None:
        return self._store.row("SELECT * FROM token ORDER BY number DESC LIMIT 1")

    def _end_all_but(self, number: int, *, at_ms: int) -> None:
        self._store.execute(
            "UPDATE token SET expires_ms = min(expires_ms, ?) WHERE number <> ? AND expires_ms > ?",
            at_ms,
            number,
            at_ms,
        )

    def _count(self, kind: str, per_day: int) -> None:
        day = f"{self._clock.now().astimezone(SHANGHAI):%Y-%m-%d}"
        row = self._store.row("SELECT count FROM token_call WHERE day = ? AND kind = ?", day, kind)
        if row is not None and row["count"] >= per_day:
            raise WireError(45009)
        self._store.execute(
            "INSERT INTO token_call (day, kind, count) VALUES (?, ?, 1)"
            " ON CONFLICT (day, kind) DO UPDATE SET count = count + 1",
            day,
            kind,
        )
