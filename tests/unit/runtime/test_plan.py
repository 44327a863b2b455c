from pathlib import Path

import pytest

from runtime.data_folder import DataFolder
from runtime.supervisor import setup
from runtime.supervisor.plan import Options, SetupRefused, make_plan, platform_specs, store_specs

NO_WISHES = Options(port=0, workers=None)
GIVEN = {"DATABASE_URL": "postgresql://hospital:s3@db.test/hospital", "REDIS_URL": "redis://cache.test/0"}
PRODUCTION = {
    **GIVEN,
    "MODE": "production",
    "KEYS_DIR": "/etc/hospital/keys",
    "PUBLIC_URL": "https://open.hospital.test",
    "HIS_MLLP": "his.test:2575",
    "HIS_HTTP_URL": "https://his.test",
    "HIS_HTTP_TOKEN": "a-token-of-its-own",
    "HIS_INBOUND": "0.0.0.0:2576",
}


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.create()
    return made


def test_given_stores_are_used_and_none_are_embedded(folder: DataFolder) -> None:
    plan = make_plan(folder, NO_WISHES, GIVEN)
    assert store_specs(folder, plan) == []
    assert plan.environment["DATABASE_URL"] == GIVEN["DATABASE_URL"]
    assert plan.environment["REDIS_URL"] == GIVEN["REDIS_URL"]


def test_the_sandbox_has_its_own_his_beside_the_platform(folder: DataFolder) -> None:
    plan = make_plan(folder, Options(port=0, workers=3), GIVEN)
    names = [spec.name for spec in platform_specs(folder, plan)]
    assert names == [
        "micro-his",
        "wechatpay",
        "alipay",
        "fiscal",
        "insurance",
        "wechat",
        "his-inbound",
        "relay",
        "worker",
        "web-1",
        "web-2",
        "web-3",
    ]
    assert plan.environment["MODE"] == "sandbox"
    assert plan.his_environment["MICRO_HIS_MLLP"] == plan.environment["HIS_MLLP"]
    assert plan.his_environment["MICRO_HIS_PEER"] == plan.environment["HIS_INBOUND"]


def test_the_his_is_told_nothing_of_the_platforms_database(folder: DataFolder) -> None:
    plan = make_plan(folder, NO_WISHES, GIVEN)
    his = next(spec for spec in platform_specs(folder, plan) if spec.name == "micro-his")
    assert {"DATABASE_URL", "REDIS_URL", "KEYS_DIR"} & set(his.environment) == set()
    password = folder.load_state().secret("his_database")
    expected = f"postgresql://hospital_micro_his:{password}@db.test/hospital_micro_his"
    assert his.environment["MICRO_HIS_DATABASE_URL"] == expected
    web = next(spec for spec in platform_specs(folder, plan) if spec.name == "web-1")
    assert {name for name in web.environment if name.startswith("MICRO_HIS")} == set()


def test_the_sandbox_has_its_channels_played_beside_the_platform(folder: DataFolder) -> None:
    plan = make_plan(folder, NO_WISHES, GIVEN)
    specs = {spec.name: spec for spec in platform_specs(folder, plan)}
    channel, web = specs["wechatpay"].environment, specs["web-1"].environment
    assert web["WECHATPAY_BASE_URL"] == f"http://{channel['WECHATPAY_EMULATOR_HTTP']}"
    assert {"DATABASE_URL", "REDIS_URL", "KEYS_DIR"} & set(channel) == set()
    assert {name for name in web if "EMULATOR" in name} == set()
    assert {path.name for path in Path(channel["WECHATPAY_EMULATOR_DIR"]).iterdir()} == {
        "certificate.pem", "certificate_key.pem", "merchants.json", "signing_key.pem", "signing_key_id"
    }  # fmt: skip
    ours = folder.keys / "sandbox" / "wechatpay"
    before = {path.name: path.read_bytes() for path in ours.iterdir()}
    assert {path.stat().st_mode & 0o777 for path in ours.iterdir()} == {0o600}
    assert make_plan(folder, NO_WISHES, GIVEN).emulator_environments == plan.emulator_environments
    assert {path.name: path.read_bytes() for path in ours.iterdir()} == before


def test_alipay_the_fiscal_platform_the_insurance_and_wechat_are_played_too(folder: DataFolder) -> None:
    plan = make_plan(folder, NO_WISHES, GIVEN)
    specs = {spec.name: spec for spec in platform_specs(folder, plan)}
    for name, address, theirs, ours in (
        ("alipay", "ALIPAY_BASE_URL", {"alipay_private_key.pem", "apps.json"},
         {"app_private_key.pem", "alipay_public_key.pem"}),
        ("fiscal", "FISCAL_BASE_URL", {"account.json"}, {"key"}),
        ("insurance", "INSURANCE_BASE_URL", {"account.json"},
         {"app_secret", "app_private_key", "app_public_key", "centre_public_key"}),
        ("wechat", "WECHAT_BASE_URL", {"account.json", "templates.json"}, {"app_secret"}),
    ):  # fmt: skip
        own, web = specs[name].environment, specs["web-1"].environment
        prefix = f"{name.upper()}_EMULATOR"
        assert web[address] == f"http://{own[f'{prefix}_HTTP']}"
        assert {"DATABASE_URL", "REDIS_URL", "KEYS_DIR"} & set(own) == set()
        assert {path.name for path in Path(own[f"{prefix}_DIR"]).iterdir()} == theirs
        kept = folder.keys / "sandbox" / name
        assert {path.name for path in kept.iterdir()} == ours
        assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o600}
    before = (folder.keys / "sandbox" / "fiscal" / "key").read_bytes()
    assert make_plan(folder, NO_WISHES, GIVEN).emulator_environments == plan.emulator_environments
    assert (folder.keys / "sandbox" / "fiscal" / "key").read_bytes() == before


def test_a_fiscal_platform_of_ones_own_wants_an_account_by_reference(folder: DataFolder) -> None:
    given = PRODUCTION | {"FISCAL_BASE_URL": "http://10.1.2.3/medical-web"}
    account = {"FISCAL_APP_ID": "GZYY01", "FISCAL_PLACE_CODE": "0001"}
    for missing, told in ((given, "FISCAL_APP_ID, FISCAL_KEY, FISCAL_PLACE_CODE"), (given | account, "FISCAL_KEY")):
        with pytest.raises(SetupRefused, match=told):
            setup.require_settings(make_plan(folder, NO_WISHES, missing))
    with pytest.raises(SetupRefused, match="never the key itself"):
        setup.require_settings(make_plan(folder, NO_WISHES, given | account | {"FISCAL_KEY": "b00d5e1a028e"}))
    setup.require_settings(make_plan(folder, NO_WISHES, given | account | {"FISCAL_KEY": "file:fiscal_key"}))


def test_a_mini_program_of_ones_own_wants_its_secret_by_reference(folder: DataFolder) -> None:
    for given, told in (
        ({"WECHAT_APP_ID": "wx0123456789abcdef"}, "belong together"),
        ({"WECHAT_APP_SECRET": "file:wechat_secret"}, "belong together"),
        ({"WECHAT_APP_ID": "wx0123456789abcdef", "WECHAT_APP_SECRET": "0" * 32}, "never the key itself"),
        ({"WECHAT_BASE_URL": "http://127.0.0.1:9"}, "WECHAT_BASE_URL"),
    ):
        with pytest.raises(SetupRefused, match=told):
            setup.require_settings(make_plan(folder, NO_WISHES, PRODUCTION | given))
    account = {"WECHAT_APP_ID": "wx0123456789abcdef", "WECHAT_APP_SECRET": "env:WECHAT_SECRET"}
    setup.require_settings(make_plan(folder, NO_WISHES, PRODUCTION | account))


def test_a_channel_that_is_elsewhere_is_not_played_here(folder: DataFolder) -> None:
    plan = make_plan(folder, NO_WISHES, GIVEN | {"WECHATPAY_BASE_URL": "https://pay.test"})
    assert "wechatpay" not in [spec.name for spec in platform_specs(folder, plan)]
    assert plan.environment["WECHATPAY_BASE_URL"] == "https://pay.test"
    assert not (folder.keys / "sandbox" / "wechatpay").exists()


def test_keys_of_another_sandbox_are_never_overwritten(folder: DataFolder, tmp_path: Path) -> None:
    make_plan(folder, NO_WISHES, GIVEN)
    other = DataFolder(tmp_path / "other")
    other.create()
    with pytest.raises(SetupRefused, match="another sandbox"):
        make_plan(other, NO_WISHES, GIVEN | {"KEYS_DIR": str(folder.keys)})


def test_production_starts_nothing_of_the_sandbox(folder: DataFolder) -> None:
    plan = make_plan(folder, Options(port=0, workers=2), PRODUCTION)
    setup.require_settings(plan)
    names = [spec.name for spec in platform_specs(folder, plan)]
    assert names == ["his-inbound", "relay", "worker", "web-1", "web-2"]
    assert list(folder.keys.iterdir()) == []


def test_production_wants_a_database_of_its_own(folder: DataFolder) -> None:
    without = {name: value for name, value in PRODUCTION.items() if name != "DATABASE_URL"}
    with pytest.raises(SetupRefused, match="Production wants an external PostgreSQL: set DATABASE_URL"):
        make_plan(folder, NO_WISHES, without)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "postgresql://hospital:changeme@db.test/hospital", "well-known password in DATABASE_URL"),
        ("PUBLIC_URL", "http://open.hospital.test", "https PUBLIC_URL"),
        ("HIS_HTTP_TOKEN", "sandbox", "well-known HIS_HTTP_TOKEN"),
        ("WECHATPAY_BASE_URL", "http://127.0.0.1:9000", "WECHATPAY_BASE_URL"),
        ("ALIPAY_BASE_URL", "http://127.0.0.1:9000", "ALIPAY_BASE_URL"),
    ],
)
def test_production_refuses_what_belongs_to_the_sandbox(
    folder: DataFolder, name: str, value: str, sentence: str
) -> None:
    plan = make_plan(folder, NO_WISHES, {**PRODUCTION, name: value})
    with pytest.raises(SetupRefused, match=sentence):
        setup.require_settings(plan)


def test_ports_are_the_same_after_a_restart(folder: DataFolder) -> None:
    first = make_plan(folder, NO_WISHES, GIVEN)
    second = make_plan(folder, Options(port=None, workers=None), GIVEN)
    assert second.environment == first.environment


def test_a_database_name_that_gives_no_safe_name_for_the_his_is_refused(folder: DataFolder) -> None:
    given = {**GIVEN, "DATABASE_URL": 'postgresql://u:p@db.test/Ho"spital'}
    with pytest.raises(SetupRefused, match="Set MICRO_HIS_DATABASE_URL"):
        make_plan(folder, NO_WISHES, given)


def test_all_of_a_sandbox_follows_one_moving_clock_and_the_hospital_may_begin_empty(folder: DataFolder) -> None:
    plan = make_plan(folder, NO_WISHES, GIVEN | {"MOVING_CLOCK": "/tmp/clock", "DEMO_HOSPITAL": "none"})  # noqa: S108  never opened
    assert {spec.environment["MOVING_CLOCK"] for spec in platform_specs(folder, plan)} == {"/tmp/clock"}  # noqa: S108  never opened
    assert not plan.has_demo_hospital
    assert make_plan(folder, NO_WISHES, GIVEN).has_demo_hospital


@pytest.mark.parametrize("name", ["MOVING_CLOCK", "DEMO_HOSPITAL"])
def test_production_starts_with_no_clock_of_its_own_and_no_demonstration(name: str, folder: DataFolder) -> None:
    plan = make_plan(folder, NO_WISHES, PRODUCTION | {name: "none"})
    with pytest.raises(SetupRefused, match=name):
        setup.require_settings(plan)
    assert not plan.has_demo_hospital


def test_the_gateway_for_short_messages_is_played_where_somebody_asks_for_it(folder: DataFolder) -> None:
    usually = make_plan(folder, NO_WISHES, GIVEN)
    assert "sms" not in usually.emulator_environments
    assert {name for name in usually.environment if name.startswith("SMS_")} == set()

    plan = make_plan(folder, NO_WISHES, GIVEN | {"SMS_EMULATOR": "1"})
    specs = {spec.name: spec for spec in platform_specs(folder, plan)}
    own, web = specs["sms"].environment, specs["web-1"].environment
    assert web["SMS_BASE_URL"] == f"http://{own['SMS_EMULATOR_HTTP']}"
    assert {path.name for path in Path(own["SMS_EMULATOR_DIR"]).iterdir()} == {"account.json", "templates.json"}
    kept = folder.keys / "sandbox" / "sms"
    assert {path.name for path in kept.iterdir()} == {"secret_id", "secret_key"}
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o600}
    setup.require_settings(plan)
    with pytest.raises(SetupRefused, match="SMS_EMULATOR"):
        setup.require_settings(make_plan(folder, NO_WISHES, PRODUCTION | {"SMS_EMULATOR": "1"}))
