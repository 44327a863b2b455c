from pathlib import Path

import pytest

from oauth import keys, tokens
from tests.factories.keys import write_keys

ISSUER = "https://open.hospital.example"


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    """A keys folder that this process has read, and its issuer named."""
    folder = write_keys(tmp_path / "keys")
    keys.load_signing_keys(folder)
    tokens.set_issuer(ISSUER)
    return folder
