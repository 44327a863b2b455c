"""Members of staff who can sign in: employed, invited, and set up at the pages as they would do it."""

import itertools
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pyotp

from kernel import crypto
from kernel.db import Database
from kernel.events import Actor
from oauth.sign_in.setup import SignIn, configure_sign_in
from oauth.staff import invitations, people
from oauth.staff.people import RoleAt
from patients.accounts import Accounts
from tests.factories.sign_in import Visitor

ADMINISTRATOR = Actor(client_id="system:test", channel="system", kind="system")
PASSWORD = "lantern orbit walnut"
_codes = itertools.count(100_000)


@dataclass
class Credentials:
    """What somebody signs in with."""

    code: str
    password: str
    secret: str
    recovery_codes: Sequence[str]

    def one_time_code(self, *, steps_ahead: int = 1) -> str:
        """A code of the authenticator; the next one by default, for the present one was used in setting up."""
        return pyotp.TOTP(self.secret).at(int(time.time()), counter_offset=steps_ahead)


def prepare(keys_dir: Path, public_url: str) -> None:
    """Let this process speak for the server's sign-in."""
    crypto.load_cipher(keys_dir)
    configure_sign_in(SignIn(public_url, Accounts(), None, sandbox=True))


async def employ(database: Database, *roles: RoleAt, code: str | None = None) -> str:
    """Employ somebody."""
    code = code or f"S{next(_codes)}"
    async with database.transaction() as tx:
        await people.join(tx, code=code, name="王芳", roles=roles, actor=ADMINISTRATOR)
    return code


async def invite(database: Database, code: str) -> invitations.Invitation:
    """Invite somebody."""
    async with database.transaction() as tx:
        return await invitations.invite(tx, code=code, actor=ADMINISTRATOR)


async def set_up(visitor: Visitor, invitation: invitations.Invitation, code: str) -> Credentials:
    """Set up a password and an authenticator at the pages."""
    path = urlsplit(invitation.link).path
    await visitor.get(path)
    opened = await visitor.post(path, code=invitation.code)
    assert opened.status_code == 200, opened.text
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', opened.text)
    assert found is not None, opened.text
    secret = found[1].replace(" ", "")
    done = await visitor.post(f"{path}/password", password=PASSWORD, again=PASSWORD, second=pyotp.TOTP(secret).now())
    assert done.status_code == 200, done.text
    codes = re.findall(r"<li>([A-Z2-7]{5}-[A-Z2-7]{5})</li>", done.text)
    assert len(codes) == 10
    return Credentials(code, PASSWORD, secret, codes)


async def sign_in(
    visitor: Visitor, credentials: Credentials, *, second: str | None = None, password: str | None = None
) -> httpx.Response:
    """Sign in at the page; gives the answer to the form."""
    await visitor.get("/staff/sign-in")
    return await visitor.post(
        "/staff/sign-in",
        follow=False,
        code=credentials.code,
        password=password or credentials.password,
        second=second or credentials.one_time_code(),
    )
