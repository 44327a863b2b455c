"""Keys by reference: `file:NAME` below the keys folder, `env:NAME` in the environment; never in the database."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from payments.merchants import SecretMissing

KEY_BYTES_MAX: Final = 64 * 1024


class KeyUnusable(SecretMissing):
    """A key is not where its reference says, or is not one; the text names the reference, never the key."""


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Where references lead to."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def read(self, references: Mapping[str, str], purpose: str) -> str:
        """Read the key of a purpose, without the white space around it.

        Raises:
            KeyUnusable: no reference for it, or nothing where it leads.
        """
        reference = references.get(purpose)
        if reference is None:
            raise KeyUnusable(f"the merchant has no reference for {purpose}")
        kind, _, name = reference.partition(":")
        text = self._read_file(name) if kind == "file" else self.environment.get(name, "") if kind == "env" else ""
        if not text.strip():
            raise KeyUnusable(f"{purpose}: nothing at {reference!r}")
        return text.strip()

    def _read_file(self, name: str) -> str:
        path = (self.folder / name).resolve()
        # A reference comes from a table: it must not lead out of the keys folder.
        if not path.is_relative_to(self.folder.resolve()) or not path.is_file():
            return ""
        if path.stat().st_size > KEY_BYTES_MAX:
            return ""
        return path.read_text(encoding="utf-8")
