"""The certificates by which channels sign, shared by the processes of the platform.

A process that speaks to a channel fetches and keeps them; one that only takes notifications reads them, and makes no
outbound call at the word of a message that nobody has verified (docs/adr/0311).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.db import Database, database
from kernel.log import get_logger
from kernel.secrets import SecretMissing
from payments.accounts import ACCOUNTS_MAX
from payments.gateways.errors import ChannelUnavailable
from payments.gateways.port import LearnsKeys
from payments.gateways.references import KeyUnusable
from payments.gateways.wechatpay.keys import Kept
from payments.merchants import gateway_of, list_merchants

RENEWED_EVERY: Final = timedelta(hours=6)

log = get_logger("payments")


class DatabaseShelf:
    """Keeps the certificates of each account in PostgreSQL."""

    async def put(self, merchant_code: str, certificates: Mapping[str, Kept]) -> None:
        """Keep what a channel gives now, by serial; those of before serve until they end by themselves.

        Raises:
            DatabaseUnavailable.
        """
        await database().execute(
            "INSERT INTO channel_certificate (merchant_code, serial, pem, expires_at, fetched_at)"
            " SELECT $1, serial, pem, expires_at, $5"
            " FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS told (serial, pem, expires_at)"
            " ON CONFLICT (merchant_code, serial) DO UPDATE SET pem = excluded.pem, fetched_at = excluded.fetched_at",
            merchant_code,
            list(certificates),
            [pem for pem, _ in certificates.values()],
            [expires_at for _, expires_at in certificates.values()],
            clock.machine_now(),
        )

    async def read(self, merchant_code: str) -> Mapping[str, str]:
        """Give the certificates that have not ended, by serial, as PEM.

        Raises:
            DatabaseUnavailable.
        """
        rows = await database().fetch(
            "SELECT serial, pem FROM channel_certificate WHERE merchant_code = $1 AND expires_at > $2 ORDER BY serial",
            merchant_code,
            clock.machine_now(),
        )
        return {row["serial"]: row["pem"] for row in rows}


async def renew_certificates(db: Database) -> int:
    """Fetch the certificates of every account that goes by them, before their time; give how many accounts have.

    Raises:
        DatabaseUnavailable.
    """
    renewed = 0
    for merchant in (await list_merchants(db))[:ACCOUNTS_MAX]:
        try:
            gateway = gateway_of(merchant)
            if isinstance(gateway, LearnsKeys):
                renewed += await gateway.refresh_certificates()
        except (ChannelUnavailable, SecretMissing, KeyUnusable) as error:
            log.warning("channel_certificates_not_renewed", merchant=merchant.code, reason=type(error).__name__)
    return renewed
