"""`./hospital access ...`: let client applications and members of staff in, and shut them out.

A new hospital has neither. The first client made here is usually the slot office's, which sets up everything else
over the open API.
"""

import argparse
import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final, get_args

import orjson

from kernel.crypto import load_cipher
from kernel.db import Transaction, open_database
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.settings import Settings, SettingsError
from oauth import registration
from oauth.client_rules import Registration, RegistrationRefused
from oauth.clients import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    GRANT_TYPES,
    REFRESH_TOKEN,
    ApplicationType,
    AuthMethod,
    Profile,
)
from oauth.dynamic_registration import hand_out_token
from oauth.scopes import COMMON_SCOPES, is_within
from oauth.sign_in.setup import configure_sign_in
from oauth.staff import invitations, people
from oauth.staff.errors import StaffNotFound
from oauth.staff.people import RoleAt
from open_api.fhir.scopes import FHIR_SCOPES
from open_api.oauth.scopes import SCOPES
from runtime.composition import build_sign_in
from runtime.login import login_name

DATABASE_CONNECTIONS_MAX: Final = 2
SCOPE_HELP: Final = "of the data it may use, e.g. appointments.read; not openid; may be given several times"


def main(arguments: list[str]) -> int:
    """Make one change and say what came of it."""
    given = _parser().parse_args(arguments)
    try:
        print(asyncio.run(_run(Settings.from_environment(), given)))
    except (RegistrationRefused, SettingsError, FileNotFoundError, ValueError) as error:
        print(f"access: {error}", file=sys.stderr)
        return 1
    except HospitalError as error:
        print(f"access: {error.en}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings, given: argparse.Namespace) -> str:
    load_cipher(settings.keys_dir)
    configure_sign_in(build_sign_in(settings))
    db = await open_database(settings.database_url, max_size=DATABASE_CONNECTIONS_MAX)
    try:
        async with db.transaction() as tx:
            return await change(tx, given)
    finally:
        await db.close()


async def change(tx: Transaction, given: argparse.Namespace) -> str:
    """Do what was asked for, and say it in a sentence.

    Raises:
        RegistrationRefused: it cannot be done; nothing was changed.
    """
    actor = Actor(client_id=f"system:access:{login_name()}", channel="system", kind="system")
    if given.action in _STATUS:
        status, said = _STATUS[given.action]
        await registration.set_client_status(tx, client_id=given.id, status=status, actor=actor)
        return f"{given.id} {said}"
    match given.action:
        case "client":
            await _ensure_channel(tx, given.channel)
            secret = await registration.register_client(tx, _registration(given), client_id=given.id, actor=actor)
            if secret is None:
                return f"{given.id} is registered and proves itself by {given.auth_method}."
            return _tell_secret(given.id, secret)
        case "secret":
            secret = await registration.renew_secret(
                tx, client_id=given.id, actor=actor, overlap=timedelta(hours=given.overlap_hours)
            )
            return _tell_secret(given.id, secret)
        case "registration-token":
            return await _hand_out_token(tx, given, actor)
        case "staff":
            await registration.register_staff(tx, code=given.code, name=given.name, actor=actor)
            if given.role:
                await people.move(tx, code=given.code, roles=[RoleAt(role) for role in given.role], actor=actor)
            told = f"Internal applications may act for {given.code}."
            return f"{told}\n{await _invite(tx, given.code, actor)}" if given.invite else told
        case "invite":
            return await _invite(tx, given.code, actor)
        case "leave":
            await _let_go(tx, given.code, actor)
            return f"No application acts for {given.code} any more, and nothing of theirs signs in."
        case _:
            raise AssertionError(f"the parser knows no {given.action}")


_STATUS: Final[dict[str, tuple[registration.ClientStatus, str]]] = {
    "suspend": ("suspended", "is shut out within a second, with the tokens it has."),
    "resume": ("active", "is let in again."),
    "approve": ("active", "is let in."),
    "refuse": ("refused", "is refused for good."),
}


async def _hand_out_token(tx: Transaction, given: argparse.Namespace, actor: Actor) -> str:
    """Hand out what lets a partner register one application itself."""
    await _ensure_channel(tx, given.channel)
    token = await hand_out_token(
        tx,
        note=given.note,
        channel=given.channel,
        scopes=frozenset(given.scope),
        lifetime=timedelta(days=given.days),
        actor=actor,
    )
    return (
        f"initial access token {token}\nIt registers one application within {given.days} days. It is shown this once."
    )


def _scope(text: str) -> str:
    """Read a scope: one of the open API's, or SMART's for what the FHIR API serves."""
    if text in SCOPES or is_within(text, FHIR_SCOPES):
        return text
    if text in COMMON_SCOPES:
        raise argparse.ArgumentTypeError(
            f"{text} needs no registering: every application at which somebody signs in (--redirect-uri) may ask for"
            f" {', '.join(sorted(COMMON_SCOPES))}. Leave it out here, and ask for it when signing somebody in."
        )
    raise argparse.ArgumentTypeError(
        f"there is no scope {text!r}. Of the open API: {', '.join(SCOPES)}. Of FHIR: {', '.join(FHIR_SCOPES)}."
    )


def _registration(given: argparse.Namespace) -> Registration:
    """Read what an application is to be registered as."""
    redirects = tuple(given.redirect_uri)
    usual = (AUTHORIZATION_CODE, REFRESH_TOKEN) if redirects else (CLIENT_CREDENTIALS,)
    return Registration(
        name=given.name,
        kind=given.kind,
        channel=given.channel,
        scopes=frozenset(given.scope),
        profile=given.profile,
        application_type=given.type,
        auth_method=given.auth_method,
        grant_types=frozenset(given.grant_type or usual),
        redirect_uris=redirects,
        jwks=None if given.jwks is None else orjson.loads(given.jwks.read_bytes()),
        jwks_uri=given.jwks_uri,
        dpop_required=given.dpop or given.profile == "fapi2",
        par_required=given.profile == "fapi2",
        subject_kind=given.signs_in,
    )


async def _invite(tx: Transaction, code: str, actor: Actor) -> str:
    """Invite somebody to set up what they sign in with; what they had before ends."""
    try:
        made = await invitations.invite(tx, code=code, actor=actor)
    except StaffNotFound as error:
        raise RegistrationRefused(f"Nobody with the code {code!r} works here.") from error
    return f"{made.link}\nset-up code {made.code}\nValid for 24 hours, once. It is shown this once and kept nowhere."


async def _let_go(tx: Transaction, code: str, actor: Actor) -> None:
    try:
        await people.leave(tx, code=code, actor=actor)
    except StaffNotFound as error:
        raise RegistrationRefused(f"Nobody with the code {code!r} works here.") from error


async def _ensure_channel(tx: Transaction, code: str) -> None:
    """Make a channel that is not there yet; the slot office gives it its names and its release rules."""
    if not code.isidentifier() or not code.isascii() or not code.islower():
        raise RegistrationRefused("A channel's code has small letters, digits and underscores.")
    await tx.execute(
        "INSERT INTO channel (code, name_zh, name_en) VALUES ($1, $1, $1) ON CONFLICT (code) DO NOTHING", code
    )


def _tell_secret(client_id: str, secret: str) -> str:
    return f"{client_id}  secret {secret}\nIt is shown this once and kept nowhere."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./hospital access", description=__doc__.partition(": ")[2].splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    client = actions.add_parser("client", help="register a client application and show its secret")
    client.add_argument("id", help="small letters, digits and hyphens")
    client.add_argument("--name", required=True)
    client.add_argument("--kind", choices=("partner", "internal"), required=True)
    client.add_argument("--channel", required=True, help="by which it books, e.g. window; made if it is not there")
    client.add_argument("--scope", type=_scope, action="append", default=[], help=SCOPE_HELP)
    client.add_argument("--profile", choices=get_args(Profile), default="plain", help="whose rules it keeps")
    client.add_argument("--type", choices=get_args(ApplicationType), default="service")
    client.add_argument("--auth-method", choices=get_args(AuthMethod), default="client_secret_basic")
    client.add_argument("--jwks", type=Path, help="a file with its public keys (RFC 7517)")
    client.add_argument("--jwks-uri", help="where its public keys are published, by https")
    client.add_argument("--grant-type", choices=GRANT_TYPES, action="append", help="may be given several times")
    client.add_argument("--redirect-uri", action="append", default=[], help="may be given several times")
    client.add_argument("--signs-in", choices=("account", "staff"), default="account", help="who signs in at it")
    client.add_argument("--dpop", action="store_true", help="its tokens are bound to a key (RFC 9449)")
    secret = actions.add_parser("secret", help="give a client a new secret")
    secret.add_argument("id")
    secret.add_argument("--overlap-hours", type=int, default=0, help="the old one is good for so long still")
    for action, summary in (
        ("suspend", "shut a client out"),
        ("resume", "let a suspended client in again"),
        ("approve", "let an application in that has registered itself"),
        ("refuse", "refuse an application that has registered itself"),
    ):
        actions.add_parser(action, help=summary).add_argument("id")
    token = actions.add_parser("registration-token", help="let a partner register one application itself")
    token.add_argument("--note", required=True, help="for whom it is")
    token.add_argument("--channel", required=True, help="by which it will book; made if it is not there")
    token.add_argument("--scope", type=_scope, action="append", required=True, help="the most it can ask for")
    token.add_argument("--days", type=int, default=7, help="for how long the token is good (default 7)")
    staff = actions.add_parser("staff", help="register a member of staff for whom internal applications act")
    staff.add_argument("code", help="a capital letter and digits, e.g. S0001")
    staff.add_argument("--name", required=True)
    staff.add_argument(
        "--role", action="append", help="what they may do, e.g. administrator; may be given several times"
    )
    staff.add_argument(
        "--invite", action="store_true", help="show a link and a code with which they set up their sign-in"
    )
    invite = actions.add_parser("invite", help="let a member of staff set up their sign-in anew; what they had ends")
    invite.add_argument("code")
    actions.add_parser("leave", help="let no application act for a member of staff any more").add_argument("code")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
