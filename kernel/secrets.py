"""Keys and passwords by reference: settings and tables name where one lies, and never hold it.

`file:NAME` is a file below the keys folder, `env:NAME` an environment variable.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SECRET_BYTES_MAX: Final = 65_536
# A name below the keys folder may have up to two folders; each begins with a letter or digit, so none leads out of it.
_REFERENCE: Final = re.compile(
    r"(?:file:(?:[A-Za-z0-9][A-Za-z0-9._-]{0,49}/){0,2}[A-Za-z0-9][A-Za-z0-9._-]{0,99}|env:[A-Z][A-Z0-9_]{0,99})"
)


class SecretMissing(Exception):
    """A key is not where its reference says; the text names the reference."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Resolves references to keys; what it gives is never logged or stored."""

    keys_dir: Path

    def read(self, reference: str) -> bytes:
        """Give the key that a reference names.

        Raises:
            SecretMissing: malformed, absent, empty or larger than any key.
        """
        require_reference(reference)
        where, _, name = reference.partition(":")
        found = os.environ.get(name, "").encode() if where == "env" else self._read_file(name)
        if not found:
            raise SecretMissing(f"no key at {reference}")
        return found

    def _read_file(self, name: str) -> bytes:
        path = self.keys_dir / name
        if not path.is_file() or path.stat().st_size > SECRET_BYTES_MAX:
            return b""
        return path.read_bytes()


def require_reference(reference: str) -> None:
    """Refuse what is no reference; whether there is a key is seen when it is read.

    Raises:
        SecretMissing: it is malformed.
    """
    if not _REFERENCE.fullmatch(reference):
        raise SecretMissing(f"not a reference to a key: {reference!r}")
