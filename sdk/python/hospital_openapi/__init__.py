"""The hospital's open API for Python: `HospitalClient` waits, `AsyncHospitalClient` does not."""

from hospital_openapi.async_client import AsyncHospitalClient
from hospital_openapi.client import HospitalClient
from hospital_openapi.credentials import ClientSecret, PrivateKey
from hospital_openapi.errors import (
    BadRequest,
    Conflict,
    ConnectionFailed,
    Forbidden,
    HospitalApiError,
    NotFound,
    Problem,
    ServerError,
    TokenRefused,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unprocessable,
    WebhookRefused,
)
from hospital_openapi.exchange import Answer
from hospital_openapi.retries import RetryPolicy
from hospital_openapi.webhooks import verify_webhook

__all__ = [
    "Answer",
    "AsyncHospitalClient",
    "BadRequest",
    "ClientSecret",
    "Conflict",
    "ConnectionFailed",
    "Forbidden",
    "HospitalApiError",
    "HospitalClient",
    "NotFound",
    "PrivateKey",
    "Problem",
    "RetryPolicy",
    "ServerError",
    "TokenRefused",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "Unprocessable",
    "WebhookRefused",
    "verify_webhook",
]
