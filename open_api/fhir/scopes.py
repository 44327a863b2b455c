"""The scopes of the FHIR API (SMART App Launch 2.2); narrower ones, as `patient/Appointment.rs?status=booked`, too."""

from typing import Final

from open_api.fhir.kinds import KINDS

FHIR_SCOPES: Final = tuple(f"{context}/{name}.rs" for context in ("patient", "system") for name in ("*", *KINDS))
