"""What a refusal means for somebody who is setting up an application, and what to do about it."""

from hospital_openapi import problems
from hospital_openapi.errors import ConnectionFailed, HospitalApiError, Problem, TokenRefused, UnexpectedAnswer

_TOKEN = {
    "invalid_client": "The hospital does not know this client id, or the secret or key is another. Compare both with"
    " what the portal shows; a rotated secret ends after its overlap.",
    "unauthorized_client": "Your application may not use client_credentials. Ask the hospital to allow it.",
    "temporarily_unavailable": "Too many wrong proofs came for this client id: none is looked at for some minutes."
    " Wait, and make sure that no other program still tries an old secret.",
    "invalid_scope": "A scope was asked for that your application has not been granted.",
}
_PROBLEM = {
    problems.OauthInsufficientScope: "Your application has not been granted the scope that this needs. Ask the"
    " hospital for it.",
    problems.OauthInvalidToken: "A fresh token was refused too: is your application suspended, or does a proxy strip"
    " the Authorization header?",
    problems.GatewayAddressNotAllowed: "This machine's address is not on your application's allow-list.",
    problems.GatewayApplicationStopped: "The hospital has stopped your application. Ask it why.",
    problems.GatewayQuotaUsedUp: "Today's quota of your application is used up.",
    problems.GatewaySignatureRequired: "Your channel signs its requests with SM2, which this check does not do.",
    problems.OauthStaffRequired: "This is one of the hospital's own applications, which names a member of staff with"
    " each change; the check is for partners' applications.",
    problems.BookingPatientBanned: "An invented patient is banned; run the check again.",
}


def explain(error: HospitalApiError) -> str:
    """Say in a sentence what stands in the way."""
    if isinstance(error, TokenRefused):
        return f"{_TOKEN.get(error.error, 'The token endpoint refuses.')} ({error})"
    if isinstance(error, ConnectionFailed):
        return f"Nothing answers there. Is the address right, and may this machine reach it? ({error})"
    if isinstance(error, UnexpectedAnswer):
        return f"What answers is not the hospital: a proxy or a firewall may stand in between. ({error})"
    if isinstance(error, Problem):
        advice = _PROBLEM.get(type(error))
        return f"{advice} ({error.code}, request {error.request_id})" if advice else str(error)
    return str(error)
