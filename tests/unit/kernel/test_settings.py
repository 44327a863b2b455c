from pathlib import Path

import pytest

from kernel.settings import KNOWN_SECRETS, PRODUCTION_WANTS, SANDBOX_ONLY, Endpoint, Settings, SettingsError

PRODUCTION = {
    "MODE": "production",
    "DATABASE_URL": "postgresql://hospital:0f8c1d2e@db.internal/hospital",
    "REDIS_URL": "redis://:77aa01cc@cache.internal/0",
    "KEYS_DIR": "/etc/hospital/keys",
    "PUBLIC_URL": "https://open.hospital.example/",
    "HIS_MLLP": "his.internal:2575",
    "HIS_HTTP_URL": "https://his.internal",
    "HIS_HTTP_TOKEN": "5d1b9c3e7f",
}


def test_a_sandbox_needs_only_its_database() -> None:
    settings = Settings.from_environment({"DATABASE_URL": "postgresql://x/y"})

    assert not settings.production
    assert (settings.http_host, settings.http_port, settings.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert settings.keys_dir == Path(".data/keys")
    assert (settings.redis_url, settings.his_mllp, settings.his_http_url) == (None, None, None)


@pytest.mark.parametrize(
    ("more", "is_for_this_machine"),
    [
        ({}, True),
        ({"PUBLIC_URL": "http://localhost:8000"}, True),
        ({"PUBLIC_URL": "http://[::1]:8000"}, True),
        ({"PUBLIC_URL": "https://sandbox.hospital.example"}, False),
        ({"PUBLIC_URL": "https://localhost.hospital.example"}, False),
        (PRODUCTION | {"PUBLIC_URL": "https://localhost"}, False),
    ],
)
def test_a_sandbox_with_an_address_of_its_own_is_open_to_strangers(
    more: dict[str, str], *, is_for_this_machine: bool
) -> None:
    settings = Settings.from_environment({"DATABASE_URL": "postgresql://x/y"} | more)

    assert settings.is_for_this_machine is is_for_this_machine


def test_production_reads_what_it_wants() -> None:
    settings = Settings.from_environment(PRODUCTION)

    assert settings.production
    assert settings.public_url == "https://open.hospital.example"
    assert settings.his_mllp == Endpoint("his.internal", 2575)


@pytest.mark.parametrize("name", PRODUCTION_WANTS)
@pytest.mark.parametrize("empty", [True, False])
def test_production_does_not_start_without(name: str, *, empty: bool) -> None:
    environment = {key: value for key, value in PRODUCTION.items() if key != name} | ({name: ""} if empty else {})

    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(environment)


@pytest.mark.parametrize("name", SANDBOX_ONLY)
def test_production_refuses_what_belongs_to_the_sandbox(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(PRODUCTION | {name: "1"})


@pytest.mark.parametrize("secret", KNOWN_SECRETS)
@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("DATABASE_URL", "postgresql://hospital:{}@db/hospital"),
        ("REDIS_URL", "redis://:{}@cache/0"),
        ("HIS_HTTP_TOKEN", "{}"),
    ],
)
def test_production_refuses_well_known_secrets(name: str, template: str, secret: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(PRODUCTION | {name: template.format(secret)})


def test_production_is_reached_by_https_only() -> None:
    with pytest.raises(SettingsError, match="https"):
        Settings.from_environment(PRODUCTION | {"PUBLIC_URL": "http://open.hospital.example"})


@pytest.mark.parametrize("mode", ["", "Production", "PRODUCTION", "test", "prod"])
def test_a_mistyped_mode_is_not_taken_for_the_sandbox(mode: str) -> None:
    with pytest.raises(SettingsError, match="MODE"):
        Settings.from_environment(PRODUCTION | {"MODE": mode})


def test_no_database_no_start() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        Settings.from_environment({})


@pytest.mark.parametrize("text", ["his", ":2575", "his:", "his:port", "his:-1", "his:65536", "his:２５７５"])
def test_an_address_needs_host_and_port(text: str) -> None:
    with pytest.raises(SettingsError, match="host:port"):
        Endpoint.parse(text)


def test_an_address_is_written_as_it_was_read() -> None:
    assert str(Endpoint.parse("his.internal:2575")) == "his.internal:2575"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "http"),
        ("HTTP_PORT", "99999"),
        ("HTTP_PORT", ""),
        ("LOG_LEVEL", "chatty"),
        ("SANDBOX_URL", "sandbox.hospital.example"),
        ("SANDBOX_URL", "javascript:alert(1)"),
        ("SANDBOX_URL", "https://user@sandbox.hospital.example"),
        ("SANDBOX_URL", "https://[sandbox"),
        ("PRODUCTION_URL", "ftp://open.hospital.example"),
        ("DEVELOPER_CHANNEL", "Partner Portal"),
        ("HOTLINE", "ask the porter"),
        ("SMS_CODES_PER_DAY", "0"),
        ("SMS_CODES_PER_DAY", "1000001"),
        ("SMS_CODES_PER_DAY", "many"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(PRODUCTION | {name: value})


def test_patients_ring_the_number_that_is_given_or_none() -> None:
    told = {
        given: Settings.from_environment(PRODUCTION | {"HOTLINE": given}).hotline for given in ("020-8765 4321", "")
    }
    assert told == {"020-8765 4321": "020-8765 4321", "": None}


def test_a_portal_knows_the_other_one_and_its_channel() -> None:
    production = Settings.from_environment(PRODUCTION | {"SANDBOX_URL": "https://sandbox.hospital.example/"})
    sandbox = Settings.from_environment({"DATABASE_URL": "postgresql://x/y", "DEVELOPER_CHANNEL": "trial"})

    assert (production.sandbox_url, production.developer_channel) == ("https://sandbox.hospital.example", "partner")
    assert (sandbox.production_url, sandbox.developer_channel) == (None, "trial")


def test_a_well_known_password_is_known_however_it_is_written() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        Settings.from_environment(PRODUCTION | {"DATABASE_URL": "postgresql://hospital:chang%65me@db/hospital"})


def test_how_many_proxies_are_believed_is_a_small_number() -> None:
    url = {"DATABASE_URL": "postgresql://x/y"}
    assert Settings.from_environment(url).proxies_count == 0
    assert Settings.from_environment(url | {"PROXIES_COUNT": "2"}).proxies_count == 2
    for wrong in ("-1", "4", "all", ""):
        with pytest.raises(SettingsError):
            Settings.from_environment(url | {"PROXIES_COUNT": wrong})


CONSENT = {
    "INSURANCE_CONSENT_BASE_URL": "https://credential.example",
    "INSURANCE_CONSENT_PARTNER": "20000001",
    "INSURANCE_CONSENT_SECRET": "file:consent_secret",
    "INSURANCE_CONSENT_MINI_PROGRAM": "wx0123456789abcdef/auth/index?openType=getAuthCode",
    "INSURANCE_CASHIER_MINI_PROGRAM": "wx0123456789abcdef/pay/index?payOrdId={payOrdId}",
}


def test_consents_to_insurance_are_read_where_a_production_has_them() -> None:
    told = Settings.from_environment(PRODUCTION | CONSENT).insurance_consent
    assert told is not None
    assert (told.partner, told.consent_page) == ("20000001", None)
    assert told.consent_mini_program == "wx0123456789abcdef/auth/index?openType=getAuthCode"
    assert Settings.from_environment(PRODUCTION).insurance_consent is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"INSURANCE_CONSENT_SECRET": "0123456789abcdef"}, "never the key itself"),
        ({"INSURANCE_CONSENT_PARTNER": ""}, "INSURANCE_CONSENT_PARTNER and INSURANCE_CONSENT_SECRET belong together"),
        ({"INSURANCE_CASHIER_MINI_PROGRAM": ""}, "INSURANCE_CASHIER_MINI_PROGRAM belong together"),
        ({"INSURANCE_CONSENT_PAGE": "https://insurance.example/consent"}, "INSURANCE_CASHIER_PAGE belong together"),
        ({"INSURANCE_CONSENT_MINI_PROGRAM": "https://not.a.program"}, "is a mini-program"),
    ],
)
def test_half_of_the_way_to_a_consent_is_refused(changes: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Settings.from_environment(PRODUCTION | CONSENT | changes)


GATEWAY = {
    "SMS_APP_ID": "1400006666",
    "SMS_SIGN_NAME": "示范医院",
    "SMS_SECRET_ID": "file:sms_secret_id",
    "SMS_SECRET_KEY": "env:SMS_KEY",
    "SMS_TEMPLATES": "sign_in_code=1110, sign_in_code.en=1111",
}


def test_a_gateway_for_short_messages_is_read_where_a_hospital_has_one() -> None:
    assert Settings.from_environment(PRODUCTION).sms is None
    settings = Settings.from_environment(PRODUCTION | GATEWAY)
    assert settings.sms is not None
    assert settings.sms.templates == {"sign_in_code": "1110", "sign_in_code.en": "1111"}
    assert (settings.sms.app_id, settings.sms.sign_name, settings.sms.base_url) == ("1400006666", "示范医院", None)
    assert (settings.sms.secret_id, settings.sms.secret_key) == ("file:sms_secret_id", "env:SMS_KEY")
    assert settings.sms_codes_per_day == 20_000


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"SMS_SECRET_KEY": ""}, "belong together"),
        ({"SMS_TEMPLATES": ""}, "belong together"),
        ({"SMS_APP_ID": "wx123456"}, "SmsSdkAppId"),
        ({"SMS_SIGN_NAME": "【示范医院】"}, "without brackets"),
        ({"SMS_SIGN_NAME": "医"}, "2 to 12"),
        ({"SMS_TEMPLATES": "sign_in_code=abc"}, "NAME=ID"),
        ({"SMS_TEMPLATES": "sign_in_code"}, "NAME=ID"),
        ({"SMS_TEMPLATES": "sign_in_code.en=1111"}, "sign_in_code"),
        ({"SMS_SECRET_KEY": "Gu5t9xGARNpq"}, "never the key itself"),
    ],
)
def test_half_of_a_gateway_is_refused(changes: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        Settings.from_environment(PRODUCTION | GATEWAY | changes)
    assert "Gu5t9xGARNpq" not in str(caught.value)
