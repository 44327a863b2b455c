"""Whether a call was made by whom it says, a short time ago: TC3-HMAC-SHA256.

https://cloud.tencent.com/document/api/382/52072; written from the documentation, without our own side's code.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from integration.emulators.sms.errors import WireError

SKEW_SECONDS_MAX: Final = 300
SERVICE: Final = "sms"
MUST_BE_SIGNED: Final = frozenset({"content-type", "host"})
_AUTHORIZATION: Final = re.compile(
    r"TC3-HMAC-SHA256 Credential=([A-Za-z0-9]{1,64})/([0-9]{4}-[0-9]{2}-[0-9]{2})/([a-z]{1,32})/tc3_request, ?"
    r"SignedHeaders=([a-z0-9;-]{1,200}), ?Signature=([0-9a-f]{64})"
)


def require_signature(
    headers: Mapping[str, str], body: bytes, *, secret_id: str, secret_key: str, now: datetime
) -> None:
    """Check a call's Authorization.

    Raises:
        WireError: AuthFailure.*; nothing was done.
    """
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    stamp = headers.get("x-tc-timestamp", "")
    if found is None or not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise WireError("AuthFailure.InvalidAuthorization")
    given_id, date, service, signed_names, signature = found.groups()
    if given_id != secret_id:
        raise WireError("AuthFailure.SecretIdNotFound")
    made_at = datetime.fromtimestamp(int(stamp), UTC)
    if abs((now - made_at).total_seconds()) > SKEW_SECONDS_MAX:
        raise WireError("AuthFailure.SignatureExpire")
    names = signed_names.split(";")
    if not set(names) >= MUST_BE_SIGNED or date != made_at.strftime("%Y-%m-%d") or service != SERVICE:
        raise WireError("AuthFailure.SignatureFailure")
    canonical = "\n".join(
        [
            "POST",
            "/",
            "",
            *(f"{name}:{headers.get(name, '').strip().lower()}" for name in names),
            "",
            signed_names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{date}/{service}/tc3_request"
    wanted = "\n".join(["TC3-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    by_date = hmac.new(b"TC3" + secret_key.encode(), date.encode(), hashlib.sha256).digest()
    by_service = hmac.new(by_date, service.encode(), hashlib.sha256).digest()
    by_ending = hmac.new(by_service, b"tc3_request", hashlib.sha256).digest()
    if not hmac.compare_digest(hmac.new(by_ending, wanted.encode(), hashlib.sha256).hexdigest(), signature):
        raise WireError("AuthFailure.SignatureFailure")
