"""SM2 and SM3 agree with the standards' own examples and with an implementation made from their text."""

import base64

import pytest

from partners.signatures import is_public_key, sm3, verify
from tests.factories.sm2 import Signer, der

# GB/T 32918.5-2017, annex A.2.
PRIVATE = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA


def test_the_standards_example_of_a_digest() -> None:
    """GB/T 32905-2016, annex A.1."""
    assert sm3(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_the_standards_example_of_a_signature() -> None:
    signature = base64.b64encode(der(R, S)).decode()
    assert verify(PUBLIC, b"message digest", signature)
    assert not verify(PUBLIC, b"message digesT", signature)
    assert not verify(PUBLIC, b"message digest", base64.b64encode(der(R, S - 1)).decode())
    assert Signer(PRIVATE).public == PUBLIC


def test_an_independent_signers_signature_is_good_for_its_key_alone() -> None:
    signer, other = Signer(), Signer()
    signature = signer.sign(b"text")
    assert verify(signer.public, b"text", signature)
    assert not verify(other.public, b"text", signature)


@pytest.mark.parametrize(
    "signature", ["", "x", "AAAA", "=" * 8, "A" * 121, base64.b64encode(der(0, 0)).decode(), "\ud800"]
)
def test_what_is_no_signature_is_none(signature: str) -> None:
    assert not verify(PUBLIC, b"message digest", signature)


def test_a_key_is_a_point_of_the_curve() -> None:
    assert is_public_key(PUBLIC)
    assert not is_public_key(PUBLIC[:-1] + bytes([PUBLIC[-1] ^ 1]))
    assert not is_public_key(b"\xff" * 64)
    assert not is_public_key(PUBLIC[:-1])
