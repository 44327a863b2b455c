"""Registering the hospital's accounts with the channels: where their keys lie, and never the keys.

Web processes look an account up for every notification, so each keeps the accounts for some seconds.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from kernel.db import Reader, database
from kernel.events import Actor
from kernel.idempotency import Idempotency
from payments import errors
from payments.gateways.port import ChannelCode, Merchant
from payments.merchants import resume_merchant, save_merchant, stop_merchant

ACCOUNTS_MAX: Final = 1_000
REMEMBERED_SECONDS: Final = 5.0
LOOKED_FOR_AGAIN_SECONDS: Final = 0.2
"""After which an account that is not known may have been registered meanwhile."""


class Account(NamedTuple):
    """An account as the finance office sees it."""

    code: str
    channel: str
    campus_id: UUID | None
    merchant_no: str
    app_id: str
    key_references: Mapping[str, str]
    fee_rate_millionths: int | None
    status: str
    stopped_at: datetime | None
    version: int
    updated_at: datetime


_COLUMNS: Final = ", ".join(Account._fields)


async def list_accounts(db: Reader, *, after: str | None, limit: int) -> list[Account]:
    """List the accounts by their codes, also those that are not used any more; `after` ended the page before.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_merchant WHERE ($1::text IS NULL OR code > $1) ORDER BY code LIMIT $2",  # noqa: S608  our own list of columns
        after,
        limit,
    )
    return [Account(*row.values()) for row in rows]


async def read_account(db: Reader, code: str) -> Account:
    """Read an account by its code.

    Raises:
        MerchantNotFound, DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM payment_merchant WHERE code = $1", code)  # noqa: S608  our own list of columns
    if not rows:
        raise errors.MerchantNotFound
    return Account(*rows[0].values())


async def register_account(
    merchant: Merchant,
    *,
    campus_id: UUID | None,
    fee_rate_millionths: int | None = None,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Account:
    """Register an account, or say anew where the keys of one lie and what the channel keeps.

    Raises:
        StaffRequired.
        MerchantDiffers: its code, its campus or its number is another account's.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    if actor.staff_code is None:
        raise errors.StaffRequired
    try:
        async with database().transaction() as tx:
            if idempotency and await idempotency.replay(tx):
                return await read_account(tx, merchant.code)
            await save_merchant(tx, merchant, campus_id=campus_id, fee_rate_millionths=fee_rate_millionths, actor=actor)
            if idempotency:
                await idempotency.remember(tx, {"code": merchant.code})
            return await read_account(tx, merchant.code)
    except (asyncpg.UniqueViolationError, errors.ChannelNotOffered) as error:
        raise errors.MerchantDiffers from error


async def turn_account(
    code: str,
    *,
    stops: bool,
    reason: str,
    actor: Actor,
    idempotency: Idempotency | None = None,
) -> Account:
    """Stop an account: no payment is begun by it any more; or let it take money again.

    Raises:
        StaffRequired, MerchantNotFound.
        MerchantStopped, MerchantNotStopped: it is so already.
        MerchantDiffers: another account has taken its place meanwhile.
        IdempotencyMismatch, DatabaseUnavailable.
    """
    async with database().transaction() as tx:
        if not (idempotency and await idempotency.replay(tx)):
            turn = stop_merchant if stops else resume_merchant
            await turn(tx, code, reason=reason, actor=actor)
            if idempotency:
                await idempotency.remember(tx, {"code": code})
        return await read_account(tx, code)


class KnownAccounts:
    """The accounts as this process knows them; one that was changed is known a few seconds later."""

    def __init__(self) -> None:
        self._known: dict[str, Merchant] = {}
        self._read_at = -REMEMBERED_SECONDS
        self._reading = asyncio.Lock()

    async def find(self, channel: str, code: str) -> Merchant | None:
        """Give an account by its channel and code, also one that is not used any more: refunds come late.

        Raises:
            DatabaseUnavailable.
        """
        if self._is_outdated(code):
            async with self._reading:
                # Of many that come at once, one reads for all.
                if self._is_outdated(code):
                    await self._read()
        merchant = self._known.get(code)
        return merchant if merchant is not None and merchant.channel.value == channel else None

    def _is_outdated(self, code: str) -> bool:
        kept = REMEMBERED_SECONDS if code in self._known else LOOKED_FOR_AGAIN_SECONDS
        return time.monotonic() - self._read_at > kept

    async def _read(self) -> None:
        """Raises: DatabaseUnavailable."""
        found = await list_accounts(database(), after=None, limit=ACCOUNTS_MAX)
        self._known = {
            one.code: Merchant(one.code, ChannelCode(one.channel), one.merchant_no, one.app_id, one.key_references)
            for one in found
        }
        self._read_at = time.monotonic()
