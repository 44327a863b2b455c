"""Puts the rooms together: settings -> keys, database, cache. Every process starts here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from integration.sms.gateway import SmsGateway
from integration.wechat.miniprogram import MiniProgram
from kernel import crypto, db, outbound, redis
from kernel.settings import Settings
from oauth import clients, keys, ports, tokens
from oauth.sign_in.ports import Messages
from oauth.sign_in.sandbox_messages import SandboxMessages
from oauth.sign_in.setup import SignIn, configure_sign_in
from partners.gateway import Doors, close_gateway, open_gateway
from partners.sandbox.faults import allow_faults
from partners.webhooks.addresses import Policy, open_resolver
from patients.accounts import Accounts
from patients.consents import Consents
from patients.rights.ports import set_holdings
from payments.billing import close_billing
from payments.insurance.centres import close_centres
from payments.insurance.consents import close_desk
from runtime.messages import connect_messages
from runtime.payments import connect_payments
from runtime.rights import build_holdings
from runtime.sms import SmsCodes, close_sms_gateway, open_sms_gateway
from runtime.wechat import WeChatSignIn, close_mini_program, open_mini_program

# Feature modules with tables that the ORM reads.
MODELS: Final[tuple[str, ...]] = ("booking.models", "feedback.models")


@asynccontextmanager
async def platform(settings: Settings, *, pool_size: int = 10) -> AsyncIterator[db.Database]:
    """Open what a platform process needs and close it again.

    Raises:
        DatabaseUnavailable: PostgreSQL does not answer.
        KnownCredentials: a demonstration secret works on a production database.
        FileNotFoundError, ValueError: a key, or a secret of the mini-program or the gateway, is missing or damaged.
    """
    crypto.load_cipher(settings.keys_dir)
    keys.load_signing_keys(settings.keys_dir)
    tokens.set_issuer(settings.public_url)
    configure_sign_in(build_sign_in(settings, open_mini_program(settings), open_sms_gateway(settings)))
    ports.set_consents(Consents())
    connect_payments(settings)
    set_holdings(build_holdings())
    connect_messages(settings)
    # A partner's program on the same machine is for a sandbox that is used there alone.
    outbound.allow_loopback(allowed=settings.is_for_this_machine)
    allow_faults(allowed=not settings.production)
    open_resolver(Policy(loopback=settings.is_for_this_machine))
    database = await db.open_database(settings.database_url, min_size=2, max_size=pool_size, models=MODELS)
    if settings.redis_url:
        redis.open_redis(settings.redis_url)
    open_gateway(trusted_proxies=settings.proxies_count)
    ports.set_doors(Doors())
    try:
        if settings.production:
            await clients.refuse_known_credentials()
        yield database
    finally:
        ports.set_doors(None)
        await close_gateway()
        await close_billing()
        close_mini_program()
        await close_sms_gateway()
        await close_centres()
        await close_desk()
        await redis.close_redis()
        await database.close()


def build_sign_in(
    settings: Settings, mini_program: MiniProgram | None = None, gateway: SmsGateway | None = None
) -> SignIn:
    """Say how people sign in here. Without a gateway for short messages a production sends no codes."""
    return SignIn(
        public_url=settings.public_url,
        accounts=Accounts(),
        messages=_messages(settings, gateway),
        sandbox=not settings.production,
        wechat=None if mini_program is None else WeChatSignIn(mini_program),
        codes_per_day=settings.sms_codes_per_day,
    )


def _messages(settings: Settings, gateway: SmsGateway | None) -> Messages | None:
    if gateway is not None and settings.sms is not None:
        return SmsCodes(gateway, settings.sms.templates, is_sandbox=not settings.production)
    return None if settings.production else SandboxMessages()
