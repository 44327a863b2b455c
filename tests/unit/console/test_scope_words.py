"""A developer reads what a scope opens in words, whichever an application may ask for."""

import pytest

from console.developer.scope_words import CHINESE, scope_words
from open_api.oauth.scopes import SCOPES
from partners.developer_applications import API_SCOPES, SANDBOX_SCOPES


@pytest.mark.parametrize("scope", sorted((*API_SCOPES, *SANDBOX_SCOPES)))
def test_every_scope_that_may_be_asked_for_is_said_in_both_languages(scope: str) -> None:
    assert scope_words(scope, "zh") == CHINESE[scope]
    assert scope_words(scope, "en") == SCOPES[scope].rstrip(".")
