"""Which foreign systems of a sandbox are played on this machine, besides the HIS: one entry each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.data_folder import DataFolder, State
from runtime.embedded import ports
from runtime.sandbox_channels import (
    SMS_SETTINGS,
    insurance_consent_settings,
    open_alipay_account,
    open_fiscal_account,
    open_insurance_account,
    open_sms_account,
    open_wechat_account,
    open_wechatpay_account,
)

LOOPBACK: Final = "127.0.0.1"
TOKEN: Final = "EMULATORS_TOKEN"  # noqa: S105  a setting's name


@dataclass(frozen=True, slots=True)
class Emulator:
    """A foreign system and how it is started.

    address_setting: by which the platform finds it; whoever sets it from outside has that system elsewhere.
    prefix: of the emulator's own settings. open_account: makes both sides' keys at the first start (keys_dir,
    emulator_dir). asked_by: the setting without which it is not played.
    """

    name: str
    module: str
    prefix: str
    address_setting: str
    open_account: Callable[..., None]
    asked_by: str | None = None

    def is_played(self, given: Mapping[str, str]) -> bool:
        """Tell whether it runs here, by what was set from outside."""
        return self.address_setting not in given and (self.asked_by is None or given.get(self.asked_by) == "1")


EMULATORS: Final = (
    Emulator(
        name="wechatpay",
        module="integration.emulators.wechatpay.main",
        prefix="WECHATPAY_EMULATOR",
        address_setting="WECHATPAY_BASE_URL",
        open_account=open_wechatpay_account,
    ),
    Emulator(
        name="alipay",
        module="integration.emulators.alipay.main",
        prefix="ALIPAY_EMULATOR",
        address_setting="ALIPAY_BASE_URL",
        open_account=open_alipay_account,
    ),
    Emulator(
        name="fiscal",
        module="integration.emulators.fiscal.main",
        prefix="FISCAL_EMULATOR",
        address_setting="FISCAL_BASE_URL",
        open_account=open_fiscal_account,
    ),
    Emulator(
        name="insurance",
        module="integration.emulators.insurance.main",
        prefix="INSURANCE_EMULATOR",
        address_setting="INSURANCE_BASE_URL",
        open_account=open_insurance_account,
    ),
    Emulator(
        name="wechat",
        module="integration.emulators.wechat.main",
        prefix="WECHAT_EMULATOR",
        address_setting="WECHAT_BASE_URL",
        open_account=open_wechat_account,
    ),
    # Short messages of a sandbox lie in a letter box of its own unless somebody wants the gateway's limits and answers.
    Emulator(
        name="sms",
        module="integration.emulators.sms.main",
        prefix="SMS_EMULATOR",
        address_setting="SMS_BASE_URL",
        open_account=open_sms_account,
        asked_by="SMS_EMULATOR",
    ),
)


def addresses(state: State, given: Mapping[str, str]) -> dict[str, str]:
    """Give the platform the addresses of what is played here."""
    played = {
        one.address_setting: f"http://{LOOPBACK}:{ports.remembered(state, one.name)}"
        for one in EMULATORS
        if one.is_played(given)
    }
    centre = played.get("INSURANCE_BASE_URL")
    consent = insurance_consent_settings(centre) if centre is not None else {}
    return played | consent | (SMS_SETTINGS if "SMS_BASE_URL" in played else {})


def prepare(
    folder: DataFolder, state: State, environment: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Open the accounts of what is played here, and give each emulator its settings, by name.

    Raises:
        runtime.sandbox_channels.KeysInTheWay: the keys folder is another sandbox's.
    """
    prepared = {}
    for one in EMULATORS:
        if not one.is_played(given):
            continue
        own = folder.root / "emulators" / one.name
        one.open_account(keys_dir=Path(environment["KEYS_DIR"]), emulator_dir=own)
        prepared[one.name] = {
            "MODE": environment["MODE"],
            f"{one.prefix}_HTTP": environment[one.address_setting].removeprefix("http://"),
            f"{one.prefix}_DIR": str(own),
            TOKEN: state.secret("emulators_token"),
            "LOG_LEVEL": environment.get("LOG_LEVEL", "INFO"),
        } | {name: environment[name] for name in ("MOVING_CLOCK",) if name in environment}
    return prepared
