"""The keys of a merchant by their purpose, as gateways want them: text, each where its reference says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kernel.secrets import SecretMissing, Secrets


class KeyUnusable(SecretMissing):
    """A key is not where its reference says, or is not one; the text names the reference, never the key."""


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Where references lead to."""

    folder: Path

    def read(self, references: Mapping[str, str], purpose: str) -> str:
        """Read the key of a purpose, without the white space around it.

        Raises:
            KeyUnusable: no reference for it, or nothing where it leads.
        """
        reference = references.get(purpose)
        if reference is None:
            raise KeyUnusable(f"the merchant has no reference for {purpose}")
        try:
            text = Secrets(self.folder).read(reference).decode().strip()
        except SecretMissing as error:
            raise KeyUnusable(f"{purpose}: {error}") from error
        except UnicodeDecodeError as error:
            raise KeyUnusable(f"{purpose}: no text at {reference!r}") from error
        if not text:
            raise KeyUnusable(f"{purpose}: nothing at {reference!r}")
        return text
