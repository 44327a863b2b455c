"""Where a merchant's keys with Alipay lie, and reading them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from payments.gateways.alipay.signing import KeyUnusable, load_private_key, load_public_key
from payments.gateways.alipay.wire import Keys

PRIVATE_KEY: Final = "app_private_key"
ALIPAY_PUBLIC_KEY: Final = "alipay_public_key"
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def read_keys(references: Mapping[str, str], keys_dir: Path) -> Keys:
    """Read the keys that a merchant's references name: `file:NAME` below the keys folder, or `env:NAME`.

    Raises:
        KeyUnusable: a reference is missing or leads nowhere, or to what RSA2 cannot use.
    """
    return Keys(
        private=load_private_key(_read(references, PRIVATE_KEY, keys_dir)),
        alipay=load_public_key(_read(references, ALIPAY_PUBLIC_KEY, keys_dir)),
    )


def _read(references: Mapping[str, str], name: str, keys_dir: Path) -> str:
    kind, _, place = references.get(name, "").partition(":")
    if kind == "env" and os.environ.get(place):
        return os.environ[place]
    if kind == "file" and _FILE_NAME.fullmatch(place):
        try:
            return (keys_dir / place).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyUnusable(f"{name}: its file cannot be read") from error
    raise KeyUnusable(f"{name}: want file:NAME below the keys folder, or env:NAME of a variable that is set")
