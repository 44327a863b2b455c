"""A merchant's keys with Alipay."""

from collections.abc import Mapping
from typing import Final

from payments.gateways.alipay.signing import load_private_key, load_public_key
from payments.gateways.alipay.wire import Keys
from payments.gateways.references import KeyStore

PRIVATE_KEY: Final = "app_private_key"
ALIPAY_PUBLIC_KEY: Final = "alipay_public_key"


def load_keys(store: KeyStore, references: Mapping[str, str]) -> Keys:
    """Read and check a merchant's keys.

    Raises:
        KeyUnusable: one is missing, or is not what RSA2 can use.
    """
    return Keys(
        private=load_private_key(store.read(references, PRIVATE_KEY)),
        alipay=load_public_key(store.read(references, ALIPAY_PUBLIC_KEY)),
    )
