"""What a person reads before they allow something: words of theirs, never a scope's code; and no words for nothing."""

import pytest
from authlib.oauth2.rfc6749.errors import InvalidScopeError

from oauth import tokens
from oauth.authorization_requests import validate
from oauth.clients import AUTHORIZATION_CODE, Client
from oauth.scopes import COMMON_SCOPES
from open_api.fhir.scopes import FHIR_SCOPES
from open_api.oauth.scopes import SCOPES
from open_api.oauth.words import name_scope

REDIRECT = "https://app.example/callback"
# They say how an application is opened, and open nothing themselves: the page does not show them.
UNSHOWN = {"launch", "launch/patient"}
EVERYTHING = frozenset({*FHIR_SCOPES, *SCOPES, *COMMON_SCOPES}) - UNSHOWN
CLIENT = Client(
    id="app",
    name="App",
    kind="partner",
    channel="app",
    scopes=EVERYTHING,
    application_type="web",
    grant_types=frozenset({AUTHORIZATION_CODE}),
    redirect_uris=(REDIRECT,),
)


def can_be_asked(scope: str) -> bool:
    """Tell whether a request for a scope comes before a person."""
    asked = {
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": scope,
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    try:
        validate(CLIENT, asked)
    except InvalidScopeError:
        return False
    return True


@pytest.mark.parametrize("language", ["zh", "en"])
def test_there_are_words_for_what_a_person_can_be_asked_for_and_for_nothing_else(language: str) -> None:
    tokens.set_issuer("https://hospital.example")
    named = {scope for scope in EVERYTHING if name_scope(scope, language) != scope}
    assert named == {scope for scope in EVERYTHING if can_be_asked(scope)}
    assert "patient/Appointment.rs" in named
