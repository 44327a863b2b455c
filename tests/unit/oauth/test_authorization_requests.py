"""Where an authorization's answer may go: the client's own addresses, letter for letter."""

import pytest

from oauth.authorization_requests import RedirectRefused, require_redirect_uri
from oauth.clients import Client


def client(application_type: str, *addresses: str) -> Client:
    return Client(
        id="c", name="n", kind="partner", channel="c", scopes=frozenset(),
        application_type=application_type, redirect_uris=addresses,  # type: ignore[arg-type]  # one of the four
    )  # fmt: skip


NATIVE = client("native", "http://127.0.0.1/callback", "http://[::1]:5000/cb", "example.app.hospital:/cb")
WEB = client("web", "https://app.example/callback")


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1/callback", "http://127.0.0.1:49152/callback", "http://[::1]:1/cb", "example.app.hospital:/cb"],
)
def test_a_native_applications_port_is_whichever_was_free(address: str) -> None:
    assert require_redirect_uri(NATIVE, address) == address


@pytest.mark.parametrize(
    "address",
    [
        None, "", "http://127.0.0.1:49152/", "http://127.0.0.1:49152/callback/", "http://127.0.0.1:49152/callback?x=1",
        "http://127.0.0.1:49152/callback#x", "http://127.0.0.2/callback", "http://localhost:49152/callback",
        "https://127.0.0.1/callback", "http://127.0.0.1:/callback", "http://127.0.0.1:\uff14\uff19/callback", "http://127.0.0.1:x/callback",
        "http://127.0.0.1:80@evil.example/callback", "http://127.0.0.1.evil.example/callback", "example.app.hospital:/",
    ],
)  # fmt: skip
def test_everything_else_is_free_nowhere(address: str | None) -> None:
    with pytest.raises(RedirectRefused):
        require_redirect_uri(NATIVE, address)


@pytest.mark.parametrize("address", ["https://app.example:8443/callback", "http://127.0.0.1:1/callback"])
def test_a_web_application_has_no_free_port(address: str) -> None:
    with pytest.raises(RedirectRefused):
        require_redirect_uri(WEB, address)
    loopback = client("web", "http://127.0.0.1/callback")
    with pytest.raises(RedirectRefused):
        require_redirect_uri(loopback, "http://127.0.0.1:1/callback")
