"""What a process is told from outside: environment variables only, checked at start-up.

Production is configuration, not other code; this is where it refuses what belongs to the sandbox.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

SANDBOX_ONLY = (
    "ALIPAY_BASE_URL",
    "ALIPAY_EMULATOR_DIR",
    "ALIPAY_EMULATOR_HTTP",
    "BENCH_ECHO",
    "DEMO_HOSPITAL",
    "EMULATORS_TOKEN",
    "FISCAL_EMULATOR_DIR",
    "FISCAL_EMULATOR_HTTP",
    "INSURANCE_EMULATOR_DIR",
    "INSURANCE_EMULATOR_HTTP",
    "MICRO_HIS_DATABASE_URL",
    "MICRO_HIS_HTTP",
    "MICRO_HIS_MLLP",
    "MICRO_HIS_PEER",
    "MOVING_CLOCK",
    "SMS_BASE_URL",
    "SMS_EMULATOR",
    "SMS_EMULATOR_DIR",
    "SMS_EMULATOR_HTTP",
    "WECHAT_BASE_URL",
    "WECHAT_EMULATOR_DIR",
    "WECHAT_EMULATOR_HTTP",
    "WECHATPAY_BASE_URL",
    "WECHATPAY_EMULATOR_DIR",
    "WECHATPAY_EMULATOR_HTTP",
)
PRODUCTION_WANTS = ("DATABASE_URL", "REDIS_URL", "KEYS_DIR", "PUBLIC_URL", "HIS_MLLP", "HIS_HTTP_URL", "HIS_HTTP_TOKEN")
# Passwords and tokens that appear in documentation, manifests or examples.
KNOWN_SECRETS = ("postgres", "password", "changeme", "change-me", "hospital", "secret", "sandbox", "micro-his")


# How many reverse proxies of the hospital's own stand before us and add to X-Forwarded-For.
PROXIES_COUNTS = ("0", "1", "2", "3")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
PORT_MAX = 65_535
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
# So many codes are sent to telephones in a day before somebody should ask why.
SMS_CODES_PER_DAY_USUALLY = 20_000
SMS_SIGN_IN_TEMPLATE = "sign_in_code"
# By which channel the applications book that developers make: in a sandbox by one that the invented hospital opens
# numbers to; in production by one that takes nothing until the slot office gives it rules.
DEVELOPER_CHANNELS = {"sandbox": "city_portal", "production": "partner"}


class SettingsError(Exception):
    """The environment does not describe a hospital that may be started; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Endpoint":
        """Read `host:port`.

        Raises:
            SettingsError: not of that form.
        """
        host, _, port = text.rpartition(":")
        if not host or not _is_port(port):
            raise SettingsError(f"want host:port, not {text!r}")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class InsuranceConsent:
    """Where people agree to paying with their insurance, and who tells us to what they agreed.

    base_url, partner, secret: of the insurance's electronic credential, asked what a code stands for; secret is a
    reference. Where they agree to be asked for (consent) and to what was decided (cashier): pages in a browser, and
    mini-programs as `APPID/PATH`; in a cashier's address `{payOrdId}` stands for the insurance's number.
    """

    base_url: str
    partner: str
    secret: str
    consent_page: str | None
    cashier_page: str | None
    consent_mini_program: str | None
    cashier_mini_program: str | None


@dataclass(frozen=True, slots=True)
class ShortMessageAccount:
    """The hospital's account with the gateway for short messages (Tencent Cloud SMS).

    app_id: SmsSdkAppId. sign_name: what stands in 【】 before each message. secret_id, secret_key: references.
    templates: of messages that the hospital does not word itself, by their names (`sign_in_code`, `sign_in_code.en`).
    base_url: of the emulated gateway; None: Tencent Cloud itself.
    """

    app_id: str
    sign_name: str
    secret_id: str
    secret_key: str
    templates: Mapping[str, str]
    base_url: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a platform process is told."""

    mode: Literal["sandbox", "production"]
    database_url: str
    redis_url: str | None
    http_host: str
    http_port: int
    public_url: str
    proxies_count: int
    data_dir: Path
    keys_dir: Path
    his_mllp: Endpoint | None
    his_http_url: str | None
    his_http_token: str | None
    his_inbound: Endpoint | None
    his_sending_application: str
    his_charset: str
    wechatpay_base_url: str | None
    alipay_base_url: str | None
    fiscal_base_url: str | None
    fiscal_app_id: str | None
    fiscal_key: str | None
    fiscal_place_code: str | None
    fiscal_operator: str
    insurance_base_url: str | None
    wechat_base_url: str | None
    wechat_app_id: str | None
    wechat_app_secret: str | None
    sms: ShortMessageAccount | None
    sms_codes_per_day: int
    insurance_institution: str | None
    insurance_city: str | None
    insurance_consent: InsuranceConsent | None
    ready_file: Path | None
    log_level: str
    bench_echo: bool
    sandbox_url: str | None
    production_url: str | None
    developer_channel: str
    hotline: str | None

    @property
    def production(self) -> bool:
        """Tell whether real patients are served."""
        return self.mode == "production"

    @property
    def is_for_this_machine(self) -> bool:
        """Tell whether this is a sandbox that people use on the machine it runs on, beside programs of theirs.

        One with an address of its own is open to strangers, to whom the machine's own ports are none of their business.
        """
        return not self.production and urlsplit(self.public_url).hostname in LOOPBACK_HOSTS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: something is missing or must not be set in this mode.
        """
        env = dict(os.environ if environment is None else environment)
        mode = env.get("MODE", "sandbox")
        if mode == "production":
            _require_production(env)
        elif mode != "sandbox":
            raise SettingsError(f"MODE must be sandbox or production, not {mode!r}")
        if not env.get("DATABASE_URL"):
            raise SettingsError("DATABASE_URL is not set; ./hospital up sets it for the embedded PostgreSQL")
        if bool(env.get("WECHAT_APP_ID")) != bool(env.get("WECHAT_APP_SECRET")):
            raise SettingsError("WECHAT_APP_ID and WECHAT_APP_SECRET belong together")
        if not _is_port(env.get("HTTP_PORT", "8000")):
            raise SettingsError(f"HTTP_PORT must be a port, not {env['HTTP_PORT']!r}")
        port = int(env.get("HTTP_PORT", "8000"))
        log_level = env.get("LOG_LEVEL", "INFO").upper()
        if log_level not in LOG_LEVELS:
            raise SettingsError(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
        proxies = env.get("PROXIES_COUNT", "0")
        if proxies not in PROXIES_COUNTS:
            raise SettingsError(f"PROXIES_COUNT must be one of {', '.join(PROXIES_COUNTS)}")
        data_dir = Path(env.get("DATA_DIR", ".data"))
        return cls(
            mode=mode,  # type: ignore[arg-type]  # one of the two, as just checked
            database_url=env["DATABASE_URL"],
            redis_url=env.get("REDIS_URL") or None,
            http_host=env.get("HTTP_HOST", "127.0.0.1"),
            http_port=port,
            public_url=env.get("PUBLIC_URL", f"http://127.0.0.1:{port}").rstrip("/"),
            proxies_count=int(proxies),
            data_dir=data_dir,
            keys_dir=Path(env.get("KEYS_DIR", data_dir / "keys")),
            his_mllp=_endpoint(env, "HIS_MLLP"),
            his_http_url=_url(env, "HIS_HTTP_URL"),
            his_http_token=env.get("HIS_HTTP_TOKEN") or None,
            his_inbound=_endpoint(env, "HIS_INBOUND"),
            his_sending_application=env.get("HIS_SENDING_APPLICATION", "MICROHIS"),
            his_charset=env.get("HIS_CHARSET", "UNICODE UTF-8"),
            wechatpay_base_url=_url(env, "WECHATPAY_BASE_URL"),
            alipay_base_url=_url(env, "ALIPAY_BASE_URL"),
            fiscal_base_url=_url(env, "FISCAL_BASE_URL"),
            fiscal_app_id=env.get("FISCAL_APP_ID") or None,
            fiscal_key=env.get("FISCAL_KEY") or None,
            fiscal_place_code=env.get("FISCAL_PLACE_CODE") or None,
            fiscal_operator=env.get("FISCAL_OPERATOR") or "互联网医院",
            insurance_base_url=_url(env, "INSURANCE_BASE_URL"),
            wechat_base_url=_url(env, "WECHAT_BASE_URL"),
            wechat_app_id=env.get("WECHAT_APP_ID") or None,
            wechat_app_secret=_reference(env, "WECHAT_APP_SECRET"),
            sms=_short_messages(env),
            sms_codes_per_day=_count(env, "SMS_CODES_PER_DAY", usually=SMS_CODES_PER_DAY_USUALLY),
            insurance_institution=env.get("INSURANCE_INSTITUTION") or None,
            insurance_city=env.get("INSURANCE_CITY") or None,
            insurance_consent=_insurance_consent(env),
            ready_file=Path(env["READY_FILE"]) if env.get("READY_FILE") else None,
            log_level=log_level,
            bench_echo=env.get("BENCH_ECHO") == "1",
            sandbox_url=_web_address(env, "SANDBOX_URL"),
            production_url=_web_address(env, "PRODUCTION_URL"),
            developer_channel=_channel(env.get("DEVELOPER_CHANNEL") or DEVELOPER_CHANNELS[mode]),
            hotline=_phone(env, "HOTLINE"),
        )


def _require_production(env: Mapping[str, str]) -> None:
    missing = [name for name in PRODUCTION_WANTS if not env.get(name)]
    if missing:
        raise SettingsError(f"production wants {', '.join(missing)}")
    forbidden = [name for name in SANDBOX_ONLY if env.get(name)]
    if forbidden:
        raise SettingsError(f"production refuses the sandbox settings {', '.join(forbidden)}")
    if not env["PUBLIC_URL"].startswith("https://"):
        raise SettingsError("production wants an https PUBLIC_URL")
    for name in ("DATABASE_URL", "REDIS_URL"):
        password = env[name].partition("://")[2].rpartition("@")[0].partition(":")[2]
        if unquote(password) in KNOWN_SECRETS:
            raise SettingsError(f"production refuses the well-known password in {name}")
    _require_fiscal(env)
    if env["HIS_HTTP_TOKEN"] in KNOWN_SECRETS:
        raise SettingsError("production refuses the well-known HIS_HTTP_TOKEN")


def _web_address(env: Mapping[str, str], name: str) -> str | None:
    """Read the address of another deployment, which people are led to.

    Raises:
        SettingsError: it is none.
    """
    text = env.get(name)
    if not text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise SettingsError(f"{name} must be a web address, not {text!r}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise SettingsError(f"{name} must be a web address, not {text!r}")
    return text.rstrip("/")


def _phone(env: Mapping[str, str], name: str) -> str | None:
    """Read a telephone number as people read it.

    Raises:
        SettingsError: it is none.
    """
    text = env.get(name)
    if text and not re.fullmatch(r"\+?[0-9][0-9 -]{2,19}", text):
        raise SettingsError(f"{name} must be a telephone number, not {text!r}")
    return text or None


def _channel(code: str) -> str:
    """Read a channel's code.

    Raises:
        SettingsError: it cannot be one.
    """
    if not (code.isascii() and code.isidentifier() and code.islower()):
        raise SettingsError(f"DEVELOPER_CHANNEL has small letters, digits and underscores, not {code!r}")
    return code


def _require_fiscal(env: Mapping[str, str]) -> None:
    """A hospital has an account of its own, or no fiscal platform at all."""
    if not env.get("FISCAL_BASE_URL"):
        return
    if missing := [name for name in ("FISCAL_APP_ID", "FISCAL_KEY", "FISCAL_PLACE_CODE") if not env.get(name)]:
        raise SettingsError(f"with FISCAL_BASE_URL production wants {', '.join(missing)}")
    _reference(env, "FISCAL_KEY")


def _insurance_consent(env: Mapping[str, str]) -> InsuranceConsent | None:
    """Read where people agree to paying with their insurance; None: they cannot.

    Raises:
        SettingsError: half of it is missing, or an address is none.
    """
    secret, base_url = _reference(env, "INSURANCE_CONSENT_SECRET"), _web_address(env, "INSURANCE_CONSENT_BASE_URL")
    partner = env.get("INSURANCE_CONSENT_PARTNER") or None
    pages = [_web_address(env, f"INSURANCE_{place}_PAGE") for place in ("CONSENT", "CASHIER")]
    programs = [_mini_program(env, f"INSURANCE_{place}_MINI_PROGRAM") for place in ("CONSENT", "CASHIER")]
    if not any((secret, base_url, partner, *pages, *programs)):
        return None
    if secret is None or base_url is None or partner is None:
        raise SettingsError(
            "INSURANCE_CONSENT_BASE_URL, INSURANCE_CONSENT_PARTNER and INSURANCE_CONSENT_SECRET belong together"
        )
    for kind, (consent, cashier) in (("PAGE", pages), ("MINI_PROGRAM", programs)):
        if (consent is None) != (cashier is None):
            raise SettingsError(f"INSURANCE_CONSENT_{kind} and INSURANCE_CASHIER_{kind} belong together")
    return InsuranceConsent(base_url, partner, secret, *pages, *programs)


def _short_messages(env: Mapping[str, str]) -> ShortMessageAccount | None:
    """Read the account with the gateway for short messages; None: there is none.

    Raises:
        SettingsError: half of it is missing, or something in it cannot be meant; what a key is, is not told.
    """
    names = ("SMS_APP_ID", "SMS_SIGN_NAME", "SMS_SECRET_ID", "SMS_SECRET_KEY", "SMS_TEMPLATES")
    given = [env[name] for name in names if env.get(name)]
    if not given:
        return None
    if len(given) < len(names):
        raise SettingsError(f"{', '.join(names)} belong together")
    if not re.fullmatch(r"[0-9]{6,20}", env["SMS_APP_ID"], re.ASCII):
        raise SettingsError("SMS_APP_ID is the SmsSdkAppId, digits")
    if not re.fullmatch(r"[^\W_]{2,12}", env["SMS_SIGN_NAME"]):
        raise SettingsError("SMS_SIGN_NAME is 2 to 12 letters, digits or Chinese characters, without brackets")
    templates: dict[str, str] = {}
    for one in env["SMS_TEMPLATES"].split(","):
        name, _, template_id = one.strip().partition("=")
        if not re.fullmatch(r"[a-z][a-z_]{1,40}(\.en)?=[0-9]{1,20}", one.strip(), re.ASCII):
            raise SettingsError(f"SMS_TEMPLATES is NAME=ID,NAME=ID,... with ids of digits, not {one.strip()!r}")
        templates[name] = template_id
    if SMS_SIGN_IN_TEMPLATE not in templates:
        raise SettingsError(f"SMS_TEMPLATES wants {SMS_SIGN_IN_TEMPLATE}: a gateway without it could send no codes")
    secret_id, secret_key = _reference(env, "SMS_SECRET_ID"), _reference(env, "SMS_SECRET_KEY")
    assert secret_id is not None, "it is given"
    assert secret_key is not None, "as above"
    return ShortMessageAccount(
        app_id=env["SMS_APP_ID"],
        sign_name=env["SMS_SIGN_NAME"],
        secret_id=secret_id,
        secret_key=secret_key,
        templates=templates,
        base_url=_url(env, "SMS_BASE_URL"),
    )


def _count(env: Mapping[str, str], name: str, *, usually: int) -> int:
    """Read how many; 1 to a million.

    Raises:
        SettingsError: it is none.
    """
    text = env.get(name) or str(usually)
    if not re.fullmatch(r"[1-9][0-9]{0,5}|1000000", text, re.ASCII):
        raise SettingsError(f"{name} must be a number from 1 to 1000000, not {text!r}")
    return int(text)


def _mini_program(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name) or None
    if text is not None and not re.fullmatch(r"wx[0-9a-f]{16}/\S{1,900}", text):
        raise SettingsError(f"{name} is a mini-program and a path in it (wx.../PATH), not {text!r}")
    return text


def _reference(env: Mapping[str, str], name: str) -> str | None:
    """Read where a key lies.

    Raises:
        SettingsError: it is no reference; what it is, is not told.
    """
    text = env.get(name) or None
    if text is not None and text.partition(":")[0] not in ("file", "env"):
        raise SettingsError(f"{name} is a reference (file:NAME or env:NAME), never the key itself")
    return text


def _url(env: Mapping[str, str], name: str) -> str | None:
    return (env.get(name) or "").rstrip("/") or None


def _endpoint(env: Mapping[str, str], name: str) -> Endpoint | None:
    return Endpoint.parse(env[name]) if env.get(name) else None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= PORT_MAX
