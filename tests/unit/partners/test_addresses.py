"""The address that counts is the one that our own proxy saw, whatever a caller writes into a header."""

import pytest

from partners.addresses import client_address, masked


@pytest.mark.parametrize(
    ("forwarded", "trusted_proxies", "expected"),
    [
        ([], 0, "198.51.100.9"),
        (["203.0.113.7"], 0, "198.51.100.9"),
        (["203.0.113.7"], 1, "203.0.113.7"),
        (["10.0.0.1, 203.0.113.7"], 1, "203.0.113.7"),
        (["10.0.0.1", "203.0.113.7"], 1, "203.0.113.7"),
        (["10.0.0.1,203.0.113.7 , 192.0.2.4"], 2, "203.0.113.7"),
        (["203.0.113.7:4711"], 1, "203.0.113.7"),
        (["[2001:db8::1]:443"], 1, "2001:db8::1"),
        (["2001:db8::1"], 1, "2001:db8::1"),
        (["::ffff:203.0.113.7"], 1, "203.0.113.7"),
    ],
)
def test_the_proxies_entry_counts(forwarded: list[str], trusted_proxies: int, expected: str) -> None:
    assert str(client_address("198.51.100.9", forwarded, trusted_proxies=trusted_proxies)) == expected


@pytest.mark.parametrize(
    ("forwarded", "trusted_proxies"),
    [
        ([], 1),  # straight to us, past the proxy
        (["203.0.113.7"], 2),  # past one of two proxies: whoever wrote this, we do not know
        (["unknown"], 1),
        (["203.0.113.7, "], 1),
        (["fe80::1%eth0"], 1),
        (["203.0.113.007"], 1),
        (["203.0.113.7, 1; DROP"], 1),
        (["," * 5000], 1),
    ],
)
def test_what_cannot_be_known_is_not_guessed(forwarded: list[str], trusted_proxies: int) -> None:
    assert client_address("198.51.100.9", forwarded, trusted_proxies=trusted_proxies) is None


def test_a_forged_beginning_of_any_length_changes_nothing() -> None:
    forged = ", ".join(["10.0.0.1"] * 2000) + ", 203.0.113.7"
    assert str(client_address("198.51.100.9", [forged], trusted_proxies=1)) == "203.0.113.7"


def test_records_hold_the_network_alone() -> None:
    assert masked(client_address("203.0.113.77", [], trusted_proxies=0)) == "203.0.113.0/24"
    assert masked(client_address("2001:db8:1:2::3", [], trusted_proxies=0)) == "2001:db8:1::/48"
    assert masked(None) is None
