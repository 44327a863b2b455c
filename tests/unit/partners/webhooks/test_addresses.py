"""Webhooks go to public addresses alone: whatever is written, whatever a name resolves to."""

import asyncio
from collections.abc import Callable

import pytest

from partners.webhooks.addresses import Policy, Resolver, Target
from partners.webhooks.errors import AddressRefused

PRODUCTION, SANDBOX = Policy(), Policy(loopback=True)

CLOSED = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
    "169.254.0.23", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8",
    "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::", "3fff::1",
    "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "", "localhost", "1",
]  # fmt: skip
OPEN = ["8.8.8.8", "119.29.29.29", "223.5.5.5", "172.32.0.1", "100.128.0.1", "2400:3200::1", "2606:4700:4700::1111"]


@pytest.mark.parametrize("address", CLOSED)
def test_what_is_not_public_is_not_connected_to(address: str) -> None:
    assert not PRODUCTION.permits(address)


@pytest.mark.parametrize("address", OPEN)
def test_what_is_public_may_be_connected_to(address: str) -> None:
    assert PRODUCTION.permits(address)
    assert SANDBOX.permits(address)


@pytest.mark.parametrize("address", [one for one in CLOSED if one not in ("127.0.0.1", "::1")])
def test_a_sandbox_opens_the_machine_itself_and_nothing_more(address: str) -> None:
    assert not SANDBOX.permits(address)
    assert SANDBOX.permits("127.0.0.1")
    assert SANDBOX.permits("::1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://partner.example.cn/x", "scheme"),
        ("ftp://partner.example.cn/x", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://partner.example.cn:443/_x", "scheme"),
        ("//partner.example.cn/x", "scheme"),
        ("https://partner.example.cn:22/", "port"),
        ("https://partner.example.cn:5432/", "port"),
        ("https://partner.example.cn:80/", "port"),
        ("https://partner.example.cn:65536/", "form"),
        ("https://partner.example.cn:0/", "port"),
        ("https://user@partner.example.cn/", "form"),
        ("https://user:secret@partner.example.cn/", "form"),
        ("https://partner.example.cn#@127.0.0.1/", "form"),
        ("https://partner.example.cn/#fragment", "form"),
        ("https://partner.example.cn\\@127.0.0.1/", "form"),
        ("https://partner.example.cn/\r\nx: y", "form"),
        ("https://partner.example.cn/ x", "form"),
        ("https://医院.cn/", "form"),
        ("https://127.0.0.1/", "host"),
        ("https://127.1/", "host"),
        ("https://2130706433/", "host"),
        ("https://0x7f000001/", "host"),
        ("https://0177.0.0.1/", "host"),
        ("https://[::1]/", "host"),
        ("https://[::ffff:127.0.0.1]/", "host"),
        ("https://8.8.8.8/", "host"),
        ("https://localhost/", "host"),
        ("https://intranet/", "host"),
        ("https://partner.example.cn./", "host"),
        ("https://-partner.example.cn/", "host"),
        ("https://partner..example.cn/", "host"),
        ("https://" + "a" * 64 + ".example.cn/", "host"),
        ("https:///x", "host"),
        ("https://partner.example.cn/" + "x" * 500, "form"),
        ("", "form"),
    ],
)
def test_what_is_written_wrong_is_refused(url: str, reason: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        PRODUCTION.parse(url)
    assert refused.value.details == {"reason": reason}


def test_what_is_written_well_is_taken_apart() -> None:
    target = PRODUCTION.parse("https://Partner.Example.cn:8443/hooks?site=1&a=b")
    assert target == Target(tls=True, host="partner.example.cn", port=8443, path="/hooks?site=1&a=b")
    assert target.authority == "partner.example.cn:8443"
    assert PRODUCTION.parse("https://partner.example.cn").authority == "partner.example.cn"
    assert PRODUCTION.parse("https://partner.example.cn").path == "/"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/x", "https://localhost:9443/x", "http://[::1]:9000/"])
def test_a_receiver_on_the_machine_itself_is_for_sandboxes(url: str) -> None:
    assert SANDBOX.parse(url).port >= 9000
    with pytest.raises(AddressRefused):
        PRODUCTION.parse(url)
    for port in ("22", "80", "443"):
        with pytest.raises(AddressRefused):
            SANDBOX.parse(url.replace("9000", port).replace("9443", port))


def resolver_of(look_up: Callable[[str], list[str]], policy: Policy = PRODUCTION) -> Resolver:
    return Resolver(policy, look_up=look_up)


async def test_one_closed_address_among_open_ones_closes_the_name() -> None:
    target = PRODUCTION.parse("https://partner.example.cn/")
    assert await resolver_of(lambda _host: ["223.5.5.5", "223.5.5.5"]).resolve(target) == ["223.5.5.5"]
    for found in (["10.0.0.1"], ["223.5.5.5", "10.0.0.1"], ["2400:3200::1", "::1"], []):
        with pytest.raises(AddressRefused) as refused:
            await resolver_of(lambda _host, found=found: found).resolve(target)  # type: ignore[misc]  # bound early
        assert refused.value.details == {"reason": "not_public"}


async def test_a_name_without_an_address_looks_like_one_inside() -> None:
    def unknown(_host: str) -> list[str]:
        raise OSError

    with pytest.raises(AddressRefused) as refused:
        await resolver_of(unknown).resolve(PRODUCTION.parse("https://his.example.cn/"))
    assert refused.value.details == {"reason": "not_public"}


async def test_many_who_wait_for_a_name_ask_once() -> None:
    asked: list[str] = []

    def look_up(host: str) -> list[str]:
        asked.append(host)
        return ["223.5.5.5"]

    resolver = resolver_of(look_up)
    target = PRODUCTION.parse("https://partner.example.cn/")
    found = await asyncio.gather(*(resolver.resolve(target) for _ in range(50)))
    assert (len(found), asked) == (50, ["partner.example.cn"])
    await resolver.resolve(target)
    assert len(asked) == 2, "what was found is not kept: the next asks anew"
