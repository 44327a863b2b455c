"""A keys folder as an installation has it."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

FIELD_KEY = "11" * 32
LOOKUP_KEY = "22" * 32


def signing_key() -> str:
    """Make an ES256 key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def write_keys(folder: Path) -> Path:
    """Fill a folder with field, look-up and signing keys."""
    folder.mkdir(exist_ok=True)
    (folder / "field_key").write_text(FIELD_KEY)
    (folder / "lookup_key").write_text(LOOKUP_KEY)
    (folder / "oauth_signing.pem").write_text(signing_key())
    return folder
