"""Keys lie in files and the environment, and what names them leads nowhere else."""

from pathlib import Path

import pytest

from kernel.secrets import SECRET_BYTES_MAX, SecretMissing, Secrets


@pytest.mark.parametrize(
    "reference", ["file:../keys", "file:absent", "file:empty", "file:huge", "env:ABSENT_KEY", "https://x", "file:"]
)
def test_a_key_that_is_not_there_is_named(tmp_path: Path, reference: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "huge").write_bytes(bytes(SECRET_BYTES_MAX + 1))
    with pytest.raises(SecretMissing, match=reference.partition("?")[0]):
        Secrets(tmp_path).read(reference)


def test_keys_are_read_from_files_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "east.pem").write_bytes(b"key")
    monkeypatch.setenv("EAST_KEY", "other")
    secrets = Secrets(tmp_path)
    assert (secrets.read("file:east.pem"), secrets.read("env:EAST_KEY")) == (b"key", b"other")
