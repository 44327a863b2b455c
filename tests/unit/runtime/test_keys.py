from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from runtime import keys


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys.create_missing(folder)
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    keys.create_missing(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == made
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "field_key": 0o600,
        "lookup_key": 0o600,
        "oauth_signing.pem": 0o600,
        "oauth_signing_rs256.pem": 0o600,
    }
    assert len(bytes.fromhex(made["field_key"].decode())) == 32
    assert made["field_key"] != made["lookup_key"]
    signing = load_pem_private_key(made["oauth_signing.pem"], None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    assert signing.curve.name == "secp256r1"
    other = load_pem_private_key(made["oauth_signing_rs256.pem"], None)
    assert isinstance(other, rsa.RSAPrivateKey)
    assert other.key_size == 2048


def test_a_key_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "field_key").write_text("00" * 32)
    keys.create_missing(tmp_path)
    assert (tmp_path / "field_key").read_text() == "00" * 32
