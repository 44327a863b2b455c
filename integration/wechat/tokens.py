"""The mini-program's access token: one for all processes, renewed before its end, forced only when nothing else helps.

WeChat gives the same token to whoever asks until five minutes before its end (`stable_token`), so that processes which
cannot agree still get the same one; Valkey saves the asking. Renewing ten times at once would be harmless, forcing
would not: WeChat allows twenty a day, and each ends somebody's token (docs/adr/0407).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag

from integration.wechat.errors import WeChatBusy
from kernel import clock
from kernel.crypto import cipher
from kernel.log import get_logger
from kernel.redis import GONE, redis_client

RENEWED_BEFORE: Final = timedelta(seconds=240)
"""So long before a token's end another is asked for; WeChat makes it from 300 s on, and keeps the old one going."""
HELD_FOR: Final = timedelta(seconds=60)
"""So long a process trusts its own memory before it looks at what all share."""
TURN_MS: Final = 15_000
"""Longer than a fetch can take; a process that dies while fetching holds the others up no longer."""
WAIT_SECONDS: Final = 0.1
WAITS_MAX: Final = 160
FORCED_PER_DAY_MAX: Final = 10
DAY_SECONDS: Final = 86_400
_RELEASE: Final = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"

log = get_logger("wechat")

Fetch = Callable[[bool], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    fresh_until: datetime
    expires_at: datetime

    def seal(self) -> bytes:
        return cipher().seal(
            orjson.dumps([self.text, self.fresh_until.isoformat(), self.expires_at.isoformat()]).decode()
        )

    @classmethod
    def open(cls, sealed: bytes) -> "_Token":
        text, fresh_until, expires_at = orjson.loads(cipher().open(sealed))
        return cls(text, datetime.fromisoformat(fresh_until), datetime.fromisoformat(expires_at))


class StableTokens:
    """One mini-program's tokens. fetch asks WeChat, forced or not, and gives its answer."""

    def __init__(self, app_id: str, fetch: Fetch) -> None:
        self._fetch = fetch
        self._shared_at = f"wechat:token:{app_id}"
        self._turn_at = f"wechat:token-turn:{app_id}"
        self._forced_at = f"wechat:token-forced:{app_id}"
        self._held: _Token | None = None
        self._held_until = clock.now()
        self._one_of_us = asyncio.Lock()

    async def get(self, *, refused: str | None = None) -> str:
        """Give a token that is good now. refused: one that WeChat has just turned away.

        Raises:
            WeChatBusy, AnswerLost, CallRefused: there is none now.
        """
        if (held := self._usable(self._held, refused)) and clock.now() < self._held_until:
            return held.text
        async with self._one_of_us:
            if (held := self._usable(self._held, refused)) and clock.now() < self._held_until:
                return held.text
            return self._hold(await self._find(refused)).text

    async def _find(self, refused: str | None) -> _Token:
        """Give what another process has, or fetch for all; while one fetches, the others wait or use the old one.

        Raises: as `get`.
        """
        for _ in range(WAITS_MAX):
            try:
                shared = await self._read()
                if usable := self._usable(shared, refused):
                    return usable
                turn = await self._take_turn()
            except GONE:
                # Each for itself: WeChat gives all the same.
                return await self._renew(refused, may_force=False)
            if turn is not None:
                return await self._renew_in_turn(turn, refused)
            if shared is not None and shared.text != refused and clock.now() < shared.expires_at:
                return shared
            await asyncio.sleep(WAIT_SECONDS)
        log.error("wechat_token_not_renewed", reason="another process holds its turn")
        raise WeChatBusy

    async def _renew_in_turn(self, turn: str, refused: str | None) -> _Token:
        try:
            if usable := self._usable(await self._read_if_there(), refused):
                return usable
            token = await self._renew(refused, may_force=True)
            await self._share(token)
            return token
        finally:
            await self._give_turn_back(turn)

    async def _renew(self, refused: str | None, *, may_force: bool) -> _Token:
        token = _read_answer(await self._fetch(False))
        if token.text != refused:
            return token
        # WeChat goes on giving what it refuses: a cache of its own lags behind.
        if not may_force or not await self._take_force():
            log.error("wechat_token_not_forced")
            raise WeChatBusy
        log.warning("wechat_token_forced")
        token = _read_answer(await self._fetch(True))
        if token.text == refused:
            raise WeChatBusy
        return token

    def _usable(self, token: _Token | None, refused: str | None) -> _Token | None:
        """Give a token that is fresh and not the refused one."""
        return token if token and token.text != refused and clock.now() < token.fresh_until else None

    def _hold(self, token: _Token) -> _Token:
        self._held, self._held_until = token, clock.now() + HELD_FOR
        return token

    # --- what all processes share; each of these raises one of GONE unless it says otherwise

    async def _read(self) -> _Token | None:
        client = redis_client()
        if client is None:
            raise ConnectionError
        sealed = await client.get(self._shared_at)
        try:
            return _Token.open(sealed) if isinstance(sealed, bytes) else None
        except (ValueError, KeyError, IndexError, InvalidTag):
            # Not one of ours: overwritten with the next.
            return None

    async def _read_if_there(self) -> _Token | None:
        """Give what is shared; None too where Valkey has gone away meanwhile."""
        try:
            return await self._read()
        except GONE:
            return None

    async def _take_turn(self) -> str | None:
        client = redis_client()
        if client is None:
            raise ConnectionError
        turn = secrets.token_hex(16)
        return turn if await client.set(self._turn_at, turn, nx=True, px=TURN_MS) else None

    async def _share(self, token: _Token) -> None:
        """Let the others have a token; they fetch for themselves where this fails."""
        client = redis_client()
        lives = int((token.expires_at - clock.now()).total_seconds())
        if client is None or lives <= 0:
            return
        try:
            await client.set(self._shared_at, token.seal(), ex=lives)
        except GONE as error:
            log.warning("wechat_token_not_shared", reason=type(error).__name__)

    async def _give_turn_back(self, turn: str) -> None:
        """Let the next have its turn; a turn that cannot be given back ends by itself."""
        client = redis_client()
        if client is None:
            return
        try:
            await client.eval(_RELEASE, 1, self._turn_at, turn)
        except GONE as error:
            log.warning("wechat_turn_not_given_back", reason=type(error).__name__)

    async def _take_force(self) -> bool:
        """Count one forced renewal of the day; False where there were enough, or nobody can count."""
        client = redis_client()
        if client is None:
            return False
        at = f"{self._forced_at}:{clock.today():%Y%m%d}"
        try:
            count = await client.incr(at)
            await client.expire(at, 2 * DAY_SECONDS)
        except GONE:
            return False
        return int(count) <= FORCED_PER_DAY_MAX


def _read_answer(answer: Mapping[str, Any]) -> _Token:
    """Read what WeChat gives.

    Raises:
        WeChatBusy: it is no token.
    """
    text, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(text, str) or not text or not isinstance(seconds, int) or seconds <= 0:
        raise WeChatBusy
    now, lives = clock.now(), timedelta(seconds=seconds)
    # However short WeChat may make them one day, a token serves for half its life.
    return _Token(text, now + max(lives - RENEWED_BEFORE, lives / 2), now + lives)
