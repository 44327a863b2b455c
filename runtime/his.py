"""Which core HIS this hospital has: the adapters that its settings name."""

from integration.exchange.hl7v2.profile import Hl7Profile
from integration.his.adapters.hl7v2_mllp import Hl7MllpHis
from integration.his.adapters.rest import RestHisPull
from integration.his.adapters.rest_billing import RestHisBilling
from integration.his.billing import HisBilling
from integration.his.port import HisPort, HisPull
from kernel.settings import Settings, SettingsError


def build_profile(settings: Settings) -> Hl7Profile:
    """Give the message profile agreed with the HIS."""
    return Hl7Profile(his_application=settings.his_sending_application, charset=settings.his_charset)


def build_port(settings: Settings) -> HisPort:
    """Give the way to tell the HIS.

    Raises:
        SettingsError: HIS_MLLP is not set.
    """
    if settings.his_mllp is None:
        raise SettingsError("HIS_MLLP is not set: where does the core HIS listen?")
    return Hl7MllpHis(host=settings.his_mllp.host, port=settings.his_mllp.port, profile=build_profile(settings))


def build_pull(settings: Settings) -> HisPull:
    """Give the way to ask the HIS.

    Raises:
        SettingsError: HIS_HTTP_URL or HIS_HTTP_TOKEN is not set.
    """
    if settings.his_http_url is None or settings.his_http_token is None:
        raise SettingsError("HIS_HTTP_URL and HIS_HTTP_TOKEN are not set: where is the HIS asked?")
    return RestHisPull(
        source=settings.his_sending_application,
        base_url=settings.his_http_url,
        token=settings.his_http_token,
        profile=build_profile(settings),
    )


def build_billing(settings: Settings) -> HisBilling:
    """Give the way to the money side of the HIS.

    Raises:
        SettingsError: HIS_HTTP_URL or HIS_HTTP_TOKEN is not set.
    """
    if settings.his_http_url is None or settings.his_http_token is None:
        raise SettingsError("HIS_HTTP_URL and HIS_HTTP_TOKEN are not set: where does the HIS keep its bills?")
    return RestHisBilling(base_url=settings.his_http_url, token=settings.his_http_token)
