"""The micro-HIS is a sandbox's; it starts with settings that can be meant, or says what is wrong."""

import pytest

from integration.micro_his.settings import MicroHisSettings
from kernel.settings import Endpoint, SettingsError

GOOD = {
    "MICRO_HIS_DATABASE_URL": "postgresql://his@127.0.0.1/micro_his",
    "MICRO_HIS_MLLP": "127.0.0.1:2575",
    "MICRO_HIS_HTTP": "127.0.0.1:2580",
    "MICRO_HIS_PEER": "127.0.0.1:2576",
    "HIS_HTTP_TOKEN": "0123456789abcdef",
}


def test_settings_are_read() -> None:
    settings = MicroHisSettings.from_environment(GOOD | {"MICRO_HIS_CHARSET": "GB18030"})

    assert (settings.peer, settings.charset, settings.ready_file) == (Endpoint("127.0.0.1", 2576), "GB18030", None)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"MODE": "production"}, "sandboxes only"),
        *[({name: ""}, name) for name in GOOD],
        ({"HIS_HTTP_TOKEN": "short"}, "HIS_HTTP_TOKEN"),
        ({"MICRO_HIS_CHARSET": "KLINGON"}, "MICRO_HIS_CHARSET"),
        ({"MICRO_HIS_MLLP": "2575"}, "host:port"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        MicroHisSettings.from_environment(GOOD | wrong)
