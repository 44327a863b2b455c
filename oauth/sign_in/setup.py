"""What sign-in is told at start-up: where it is reached, who keeps accounts, how messages leave."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from kernel.metrics import Gauge
from oauth.sign_in.ports import Messages, MiniProgram, PatientAccounts

CODES_PER_DAY: Final = 20_000
MOST: Final = Gauge("sign_in_codes_of_the_day_max", "How many codes may go to telephones in a day (SMS_CODES_PER_DAY).")


@dataclass(frozen=True, slots=True)
class SignIn:
    """One deployment's sign-in. messages, wechat: None where no message gateway or no mini-program is connected.

    codes_per_day: so many codes go to telephones in a day, whoever asks.
    """

    public_url: str
    accounts: PatientAccounts
    messages: Messages | None
    sandbox: bool
    wechat: MiniProgram | None = None
    codes_per_day: int = CODES_PER_DAY

    @property
    def origin(self) -> str:
        """The origin that browsers see (RFC 6454): what forms and passkeys must come from."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def secure(self) -> bool:
        """Tell whether browsers reach us by https."""
        return self.public_url.startswith("https://")

    @property
    def relying_party(self) -> str | None:
        """The domain that passkeys belong to; None where the address is a number, which browsers do not accept."""
        host = urlsplit(self.public_url).hostname or ""
        try:
            ip_address(host)
        except ValueError:
            return host or None
        return None


_sign_in: SignIn | None = None


def configure_sign_in(settings: SignIn) -> None:
    """Tell this process how people sign in."""
    global _sign_in  # noqa: PLW0603  one a process, set at start-up
    _sign_in = settings
    MOST.set(settings.codes_per_day)


def sign_in() -> SignIn:
    """Give what was configured at start-up."""
    assert _sign_in is not None, "configure_sign_in() runs at start-up"
    return _sign_in
