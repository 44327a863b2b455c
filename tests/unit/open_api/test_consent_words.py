"""What a person reads before they allow something: words of theirs, never a scope's code."""

import pytest

from open_api.fhir.scopes import FHIR_SCOPES
from open_api.oauth.scopes import SCOPES
from open_api.oauth.words import name_scope

FOR_THE_HOSPITAL_ALONE = {
    "queue.write",
    "webhooks.manage",
    "administration.read",
    "administration.write",
    "staff.read",
    "staff.write",
    "tokens.introspect",
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_scope_about_a_person_has_words(language: str) -> None:
    named = {scope: name_scope(scope, language) for scope in (*FHIR_SCOPES, *SCOPES.keys() - FOR_THE_HOSPITAL_ALONE)}
    assert [scope for scope, words in named.items() if words == scope] == []
