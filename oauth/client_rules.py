"""What a client application may be registered as: its own words, held against its profile's rules."""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from oauth.clients import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    GRANT_TYPES,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    ApplicationType,
    AuthMethod,
    Profile,
)
from oauth.scopes import is_supported

NAME_CHARACTERS_MAX: Final = 100
URI_CHARACTERS_MAX: Final = 500
URIS_MAX: Final = 10
CONTACTS_MAX: Final = 5
KEYS_MAX: Final = 20
RSA_BITS_MIN: Final = 2048
# A private-use scheme contains a dot, as a domain turned round does (RFC 8252 section 7.1).
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
# A name whose end is no number: browsers take 2130706433 and 0x7f.1 for addresses (url.spec.whatwg.org).
_HOST: Final = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z]([a-z0-9-]*[a-z0-9])?", re.ASCII | re.IGNORECASE)
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\*<>\"^`{|}]")
_CONTACT: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,190}")
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class RegistrationRefused(Exception):
    """It cannot be registered or changed as asked; the text says why in plain words."""


class MetadataRefused(RegistrationRefused):
    """An application cannot be registered like this; `field` is the metadata's name after RFC 7591 section 2."""

    def __init__(self, field_name: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A client application as it is to be registered (oauth/clients.py says what the words mean)."""

    name: str
    kind: Literal["partner", "internal"]
    channel: str
    scopes: frozenset[str]
    profile: Profile = "plain"
    application_type: ApplicationType = "service"
    auth_method: AuthMethod = "client_secret_basic"
    grant_types: frozenset[str] = frozenset({CLIENT_CREDENTIALS})
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    jwks: dict[str, Any] | None = field(default=None)
    jwks_uri: str | None = None
    dpop_required: bool = False
    par_required: bool = False
    subject_kind: Literal["account", "staff"] = "account"
    contacts: tuple[str, ...] = ()


def require_registrable(wanted: Registration) -> None:
    """Hold an application's metadata against the rules of all clients and of its profile.

    Raises:
        MetadataRefused: naming the field and saying in plain words what is wrong.
    """
    if not 1 <= len(wanted.name.strip()) <= NAME_CHARACTERS_MAX:
        raise MetadataRefused("client_name", f"A name has 1 to {NAME_CHARACTERS_MAX} characters.")
    if len(wanted.contacts) > CONTACTS_MAX or not all(_CONTACT.fullmatch(one) for one in wanted.contacts):
        raise MetadataRefused("contacts", f"Contacts are at most {CONTACTS_MAX} e-mail addresses.")
    if not all(map(is_supported, wanted.scopes)):
        raise MetadataRefused("scope", "Scopes of SMART's user context are not served; use patient or system.")
    _require_grants(wanted)
    _require_addresses(wanted)
    _require_proof(wanted)
    if wanted.profile == "fapi2" and not (
        wanted.auth_method == "private_key_jwt" and wanted.dpop_required and wanted.par_required
    ):
        raise MetadataRefused(
            "profile", "A fapi2 application authenticates by private_key_jwt, with DPoP and pushed requests."
        )


def _require_grants(wanted: Registration) -> None:
    if not wanted.grant_types or not wanted.grant_types <= set(GRANT_TYPES):
        raise MetadataRefused("grant_types", f"Grant types are among {', '.join(GRANT_TYPES)}.")
    if REFRESH_TOKEN in wanted.grant_types and AUTHORIZATION_CODE not in wanted.grant_types:
        raise MetadataRefused("grant_types", "refresh_token comes with authorization_code.")
    if wanted.auth_method == "none" and wanted.grant_types & {CLIENT_CREDENTIALS, TOKEN_EXCHANGE}:
        raise MetadataRefused("grant_types", "An application without a secret or key cannot act for itself.")
    if wanted.subject_kind == "staff" and (
        wanted.kind != "internal" or wanted.scopes or AUTHORIZATION_CODE not in wanted.grant_types
    ):
        raise MetadataRefused(
            "subject_kind",
            "Staff sign in at the hospital's own systems, which learn who they are and open no data.",
        )
    if wanted.application_type == "service" and AUTHORIZATION_CODE in wanted.grant_types:
        raise MetadataRefused("grant_types", "A service has nobody before it; register a web, native or browser one.")


def _require_addresses(wanted: Registration) -> None:
    if (AUTHORIZATION_CODE in wanted.grant_types) != bool(wanted.redirect_uris):
        raise MetadataRefused("redirect_uris", "Redirect addresses belong to authorization_code, and it needs one.")
    for name, addresses in (
        ("redirect_uris", wanted.redirect_uris),
        ("post_logout_redirect_uris", wanted.post_logout_redirect_uris),
    ):
        if len(addresses) > URIS_MAX or len(set(addresses)) != len(addresses):
            raise MetadataRefused(name, f"At most {URIS_MAX} different addresses.")
        for address in addresses:
            _require_redirect_address(name, address, wanted.application_type)


def _require_redirect_address(name: str, address: str, application_type: ApplicationType) -> None:
    """Require https, or of what runs on a device loopback or a scheme of its own (RFC 9700 section 2.1, RFC 8252)."""
    parts = _split(name, address)
    if parts.scheme == "https":
        # An address of digits belongs to whoever has it next; a name is the application's own.
        if not _HOST.fullmatch(parts.hostname or ""):
            raise MetadataRefused(name, "A redirect address names a host.")
    elif application_type != "native":
        raise MetadataRefused(name, "A redirect address begins with https://.")
    elif parts.scheme == "http":
        if parts.hostname not in ("127.0.0.1", "::1"):
            raise MetadataRefused(name, "http is for 127.0.0.1 and [::1] only.")
    elif not _PRIVATE_SCHEME.fullmatch(parts.scheme) or parts.netloc:
        raise MetadataRefused(name, "A private scheme is a domain turned round, as in com.example.app:/callback.")


def _split(name: str, address: str) -> Any:
    if not 1 <= len(address) <= URI_CHARACTERS_MAX or _UNSAFE.search(address):
        raise MetadataRefused(name, f"An address has at most {URI_CHARACTERS_MAX} characters, and no wildcards.")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise MetadataRefused(name, "That is no address.") from error
    if "#" in address or parts.username is not None or port == 0:
        raise MetadataRefused(name, "An address has no fragment, no user and a real port.")
    if parts.scheme in ("http", "https") and not parts.hostname:
        raise MetadataRefused(name, "That address names no host.")
    if any(step in (".", "..") for step in parts.path.split("/")):
        raise MetadataRefused(name, "An address has no steps up or down.")
    return parts


def _require_proof(wanted: Registration) -> None:
    """Require that the application can prove who it is in the way that it names."""
    if wanted.auth_method == "none" and wanted.application_type not in ("native", "browser"):
        raise MetadataRefused("token_endpoint_auth_method", "What runs on a server can keep a secret or a key.")
    if wanted.auth_method != "none" and wanted.application_type == "browser":
        raise MetadataRefused("token_endpoint_auth_method", "What runs in a browser can keep no secret.")
    given = [one for one in (wanted.jwks, wanted.jwks_uri) if one is not None]
    if len(given) > 1:
        raise MetadataRefused("jwks", "Keys come inline or by address, not both.")
    if wanted.auth_method == "private_key_jwt" and not given:
        raise MetadataRefused("jwks", "private_key_jwt needs the public keys: jwks or jwks_uri.")
    if wanted.jwks is not None:
        read_key_set(wanted.jwks)
    if wanted.jwks_uri is not None and _split("jwks_uri", wanted.jwks_uri).scheme not in ("https", "http"):
        raise MetadataRefused("jwks_uri", "Keys are fetched by https.")


def read_key_set(document: Any) -> KeySet:
    """Read a client's public keys (RFC 7517), each with an id of its own.

    Raises:
        MetadataRefused: not such a set, a private or shared key in it, or one too weak.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not 1 <= len(entries) <= KEYS_MAX:
        raise MetadataRefused("jwks", f"A key set has 1 to {KEYS_MAX} keys.")
    for entry in entries:
        if not isinstance(entry, dict) or entry.keys() & _PRIVATE_MEMBERS or entry.get("kty") == "oct":
            raise MetadataRefused("jwks", "A key set holds public keys only. Change a key that you sent us in full.")
    try:
        keys = KeySet.import_key_set({"keys": entries})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise MetadataRefused("jwks", "A key cannot be read.") from error
    for key in keys.keys:
        if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS_MIN:
            raise MetadataRefused("jwks", f"An RSA key has at least {RSA_BITS_MIN} bits.")
        if isinstance(key, ECKey) and key.curve_name not in ("P-256", "P-384"):
            raise MetadataRefused("jwks", "An elliptic curve is P-256 or P-384.")
    ids = [entry.get("kid") for entry in entries]
    if len(set(ids)) != len(ids) or (len(ids) > 1 and None in ids):
        raise MetadataRefused("jwks", "Each key has a kid of its own.")
    return keys
