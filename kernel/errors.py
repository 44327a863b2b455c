"""
HospitalError
├── Invalid          the request cannot be meant
├── Unauthenticated  nobody known is asking
├── Forbidden        somebody known may not
├── NotFound         absent, or not the caller's
├── Conflict         clashes with what stands
├── Refused          a rule of the hospital says no
├── TooMany          asked too often; `retry_after_seconds` says when again
└── Unavailable      try again later
"""

from typing import ClassVar


class HospitalError(Exception):
    """A refusal with a stable code and a sentence that a patient understands.

    Surfaces decide the status; features never do. `details` are safe to show to the caller.
    """

    code: ClassVar[str]
    zh: ClassVar[str]
    en: ClassVar[str]

    def __init__(self, **details: object) -> None:
        super().__init__(self.code)
        self.details = details

    def sentence(self, language: str) -> str:
        """Say it to the patient, in `zh` or `en`."""
        return self.en if language == "en" else self.zh


class Invalid(HospitalError):
    """The request cannot be meant."""


class Unauthenticated(HospitalError):
    """Nobody known is asking."""


class Forbidden(HospitalError):
    """Somebody known is asking for what they may not."""


class NotFound(HospitalError):
    """Absent, or not the caller's; the two look alike on purpose."""


class Conflict(HospitalError):
    """What is asked clashes with what stands."""


class Refused(HospitalError):
    """A rule of the hospital says no."""


class TooMany(HospitalError):
    """Asked too often; `retry_after_seconds` says when again."""


class Unavailable(HospitalError):
    """Something we need is out of reach for now; the same request may succeed later."""

    code = "kernel.unavailable"
    zh = "系统繁忙，请稍后再试"
    en = "The service is busy. Please try again in a moment."
