"""Everything that people meet of the authorization server, as one piece: asking, consenting, looking back, leaving."""

from typing import Any

from sanic import Sanic

from open_api.cross_origin import mount_preflight
from open_api.oauth import accesses, authorize, consent, consents, openid
from open_api.pages.serving import mount_page


def mount_authorization(app: Sanic[Any, Any]) -> None:
    """Put the authorization endpoint, its pages and OpenID Connect's endpoints into the application."""
    mount_page(app, "GET", "/oauth/authorize", authorize.authorize)
    mount_page(app, "POST", "/oauth/authorize", authorize.authorize)
    mount_page(app, "GET", "/oauth/consent/<interaction_id:uuid>", consent.show_consent)
    mount_page(app, "POST", "/oauth/consent/<interaction_id:uuid>", consent.decide)
    mount_page(app, "GET", "/oauth/logout", openid.show_logout)
    mount_page(app, "POST", "/oauth/logout", openid.logout)
    mount_page(app, "GET", consents.PAGE, consents.show_consents)
    mount_page(app, "POST", f"{consents.PAGE}/<consent_id:uuid>/withdraw", consents.withdraw)
    mount_page(app, "POST", "/account/grants/<grant_id:uuid>/end", consents.end_sign_in)
    mount_page(app, "GET", consents.ACCESSES_PAGE, accesses.show_accesses)
    for method in ("GET", "POST"):
        app.add_route(openid.userinfo, "/oauth/userinfo", methods=[method], name=f"oauth_userinfo_{method.lower()}")
    mount_preflight(app, "/oauth/userinfo", "oauth_userinfo", methods=("GET", "POST"))
