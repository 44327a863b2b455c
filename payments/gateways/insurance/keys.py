"""A hospital's keys with the insurance's centre."""

from collections.abc import Mapping
from typing import Final

from integration.codecs import insurance_envelope as envelope
from payments.gateways.port import Merchant
from payments.gateways.references import KeyStore, KeyUnusable

SECRET: Final = "app_secret"  # noqa: S105  a purpose's name
PRIVATE_KEY: Final = "app_private_key"
PUBLIC_KEY: Final = "app_public_key"
CENTRE_KEY: Final = "centre_public_key"
SIGNER: Final = "signer"


def load_party(store: KeyStore, merchant: Merchant) -> envelope.Party:
    """Read and check an account's keys.

    Raises:
        KeyUnusable: one is missing, is no SM2 key, or private and public one do not belong together.
    """
    references: Mapping[str, str] = merchant.key_references
    if len(merchant.app_id) < envelope.APP_ID_CHARACTERS_MIN:
        raise KeyUnusable("the application's id has at least 16 characters")
    try:
        party = envelope.Party(
            app_id=merchant.app_id,
            secret=store.read(references, SECRET),
            private_key=envelope.read_private_key(store.read(references, PRIVATE_KEY)),
            public_key=envelope.read_public_key(store.read(references, PUBLIC_KEY)),
            other_public_key=envelope.read_public_key(store.read(references, CENTRE_KEY)),
            signer=store.read(references, SIGNER).encode() if SIGNER in references else envelope.SIGNER,
        )
    except ValueError as error:
        raise KeyUnusable(f"not an SM2 key: {error}") from error
    ourselves = envelope.Party(
        party.app_id, party.secret, party.private_key, party.public_key, party.public_key, party.signer
    )
    if not envelope.verify(ourselves, "pair", envelope.sign(party, "pair")):
        raise KeyUnusable("app_private_key and app_public_key do not belong together")
    return party
