"""The hospital's accounts with the channels, and where their keys lie.

Keys are named by reference (`kernel.secrets`). Gateways are built once for each account, by whatever their channel has
registered.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg

from kernel import clock
from kernel.audit import record_change
from kernel.db import Reader, Row, Transaction
from kernel.events import Actor
from kernel.secrets import Secrets, require_reference
from payments import errors, ledger
from payments.gateways.port import ChannelCode, Gateway, Merchant

NOTIFICATIONS_PATH: Final = "/payments/notifications"
"""Below the hospital's address: here each account's channel tells of payments and refunds (`/channel/code`)."""
_COLUMNS: Final = "code, channel, merchant_no, app_id, key_references"


Builder = Callable[[Merchant, Secrets], Gateway]


class Gateways:
    """The gateways of one process, one for each merchant's account, built when first asked for."""

    def __init__(self, secrets: Secrets, builders: Mapping[ChannelCode, Builder]) -> None:
        self._secrets = secrets
        self._builders = dict(builders)
        self._built: dict[str, Gateway] = {}

    def of(self, merchant: Merchant) -> Gateway:
        """Give the gateway of an account; a changed account gets a new one.

        Raises:
            ChannelNotOffered: this process knows no such channel.
            SecretMissing: a key is not where its reference says.
        """
        found = self._built.get(merchant.code)
        if found is not None and found.merchant == merchant:
            return found
        builder = self._builders.get(merchant.channel)
        if builder is None:
            raise errors.ChannelNotOffered(channel=merchant.channel.value)
        gateway = builder(merchant, self._secrets)
        self._built[merchant.code] = gateway
        return gateway


_gateways: Gateways | None = None


def set_gateways(gateways: Gateways | None) -> None:
    """Say, at start-up, by which gateways this process speaks to the channels."""
    global _gateways  # noqa: PLW0603  set once, at start-up
    _gateways = gateways


def gateway_of(merchant: Merchant) -> Gateway:
    """Give the gateway of an account.

    Raises:
        ChannelNotOffered, SecretMissing.
    """
    assert _gateways is not None, "set_gateways() runs at start-up"
    return _gateways.of(merchant)


async def read_merchant(db: Reader, code: str) -> Merchant:
    """Give an account by its code, also one that is not used any more.

    Raises:
        ChannelNotOffered: there is none.
        DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM payment_merchant WHERE code = $1", code)  # noqa: S608  our own list of columns
    if not rows:
        raise errors.ChannelNotOffered(channel=code)
    return _shape(rows[0])


async def merchant_for(db: Reader, channel: ChannelCode, campus_id: UUID | None) -> Merchant:
    """Give the account that takes a channel's money for a campus: its own, or the whole group's.

    Raises:
        ChannelNotOffered, DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_merchant WHERE channel = $1 AND status = 'active'"  # noqa: S608  our own list of columns
        " AND (campus_id = $2 OR campus_id IS NULL) ORDER BY campus_id IS NULL LIMIT 1",
        channel.value,
        campus_id,
    )
    if not rows:
        raise errors.ChannelNotOffered(channel=channel.value)
    return _shape(rows[0])


async def channels_for(db: Reader, campus_id: UUID | None) -> list[ChannelCode]:
    """List the channels by which a campus takes money: by an account of its own, or the whole group's.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        "SELECT DISTINCT channel FROM payment_merchant WHERE status = 'active'"
        " AND (campus_id = $1 OR campus_id IS NULL)",
        campus_id,
    )
    taken = {row["channel"] for row in rows}
    return [channel for channel in ChannelCode if channel.value in taken]


async def list_merchants(db: Reader) -> list[Merchant]:
    """List the accounts in use.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM payment_merchant WHERE status = 'active' ORDER BY code")  # noqa: S608  our own list of columns
    return [_shape(row) for row in rows]


async def list_merchants_of_day(db: Reader, begins: datetime, ends: datetime) -> list[Merchant]:
    """List the accounts that a day's books are about: in use, or stopped only since, or with money that moved then.

    Raises:
        DatabaseUnavailable.
    """
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM payment_merchant m WHERE stopped_at IS NULL OR stopped_at >= $1"  # noqa: S608  our own list of columns
        " OR EXISTS (SELECT FROM payment_transaction t"
        "            WHERE t.merchant_code = m.code AND t.paid_at >= $1 AND t.paid_at < $2)"
        " OR EXISTS (SELECT FROM payment_refund r"
        "            WHERE r.merchant_code = m.code AND r.channel_paid_at >= $1 AND r.channel_paid_at < $2)"
        " ORDER BY code",
        begins,
        ends,
    )
    return [_shape(row) for row in rows]


async def save_merchant(
    tx: Transaction,
    merchant: Merchant,
    *,
    campus_id: UUID | None,
    fee_rate_millionths: int | None = None,
    actor: Actor,
) -> None:
    """Register an account, or change where its keys lie and what was agreed; its number and channel stay.

    fee_rate_millionths: what the channel keeps of an amount; None: the books do not check its fees.

    Raises:
        ChannelNotOffered: the code is another account's.
        SecretMissing: a reference is malformed.
    """
    for reference in merchant.key_references.values():
        require_reference(reference)
    saved = await tx.execute(
        "INSERT INTO payment_merchant AS m"
        " (code, channel, campus_id, merchant_no, app_id, key_references, created_at, updated_at, fee_rate_millionths)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)"
        " ON CONFLICT (code) DO UPDATE SET key_references = $6, fee_rate_millionths = $8, updated_at = $7,"
        " version = m.version + 1"
        " WHERE m.channel = $2 AND m.merchant_no = $4 AND m.app_id = $5 AND m.campus_id IS NOT DISTINCT FROM $3",
        merchant.code,
        merchant.channel.value,
        campus_id,
        merchant.merchant_no,
        merchant.app_id,
        dict(merchant.key_references),
        clock.now(),
        fee_rate_millionths,
    )
    if not saved:
        raise errors.ChannelNotOffered(channel=merchant.channel.value)
    await ledger.open_clearing(tx, merchant.code)
    await record_change(
        tx,
        entity="payment_merchant",
        entity_id=merchant.code,
        action="updated",
        before=None,
        after={"channel": merchant.channel.value, "merchant_no": merchant.merchant_no, "app_id": merchant.app_id},
        actor=actor,
    )


async def stop_merchant(tx: Transaction, code: str, *, reason: str, actor: Actor) -> None:
    """Take no more money by an account; what it took, and what is under way, is still asked about and refunded.

    Raises:
        StaffRequired: nobody is named.
        MerchantNotFound: there is none.
        MerchantStopped: it is stopped already.
    """
    await _turn(tx, code, "stopped", reason=reason, actor=actor)


async def resume_merchant(tx: Transaction, code: str, *, reason: str, actor: Actor) -> None:
    """Let an account take money again.

    Raises:
        StaffRequired: nobody is named.
        MerchantNotFound: there is none.
        MerchantNotStopped: it takes money.
        MerchantDiffers: another account takes this campus's money by this channel meanwhile.
    """
    try:
        async with tx.connection.transaction():
            await _turn(tx, code, "active", reason=reason, actor=actor)
    except asyncpg.UniqueViolationError as error:
        raise errors.MerchantDiffers from error


async def _turn(tx: Transaction, code: str, status: Literal["active", "stopped"], *, reason: str, actor: Actor) -> None:
    if actor.staff_code is None:
        raise errors.StaffRequired
    now = clock.now()
    before = "active" if status == "stopped" else "stopped"
    turned = await tx.execute(
        "UPDATE payment_merchant SET status = $2, stopped_at = $3, updated_at = $4, version = version + 1"
        " WHERE code = $1 AND status = $5",
        code,
        status,
        now if status == "stopped" else None,
        now,
        before,
    )
    if not turned:
        if not await tx.fetchval("SELECT true FROM payment_merchant WHERE code = $1", code):
            raise errors.MerchantNotFound
        raise errors.MerchantStopped if status == "stopped" else errors.MerchantNotStopped
    await record_change(
        tx,
        entity="payment_merchant",
        entity_id=code,
        action="updated",
        before={"status": before},
        after={"status": status, "reason": reason},
        actor=actor,
    )


def _shape(row: Row) -> Merchant:
    return Merchant(
        code=row["code"],
        channel=ChannelCode(row["channel"]),
        merchant_no=row["merchant_no"],
        app_id=row["app_id"],
        key_references=row["key_references"],
    )
