import pytest

from kernel.crypto import load_cipher
from oauth import clients, keys, tokens
from tests.factories.keys import write_keys


@pytest.fixture(scope="session", autouse=True)
def _keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = write_keys(tmp_path_factory.mktemp("keys"))
    load_cipher(folder)
    keys.load_signing_keys(folder)
    tokens.set_issuer("https://open.hospital.example")


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    clients._clients.rows.clear()
    clients._staff.rows.clear()
