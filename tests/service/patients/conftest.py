import pytest

from kernel.crypto import FieldCipher, load_cipher
from tests.factories.keys import write_keys


@pytest.fixture(scope="session", autouse=True)
def cipher(tmp_path_factory: pytest.TempPathFactory) -> FieldCipher:
    return load_cipher(write_keys(tmp_path_factory.mktemp("keys")))
