"""sdk/typescript without a hospital: its own tests under Node, and what of it is published."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.clients import node
from tests.factories.typescript_sdk import PACKAGE, build

TESTS = sorted((PACKAGE / "tests").glob("*.test.js"))
SECONDS_MAX = 60


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name.removesuffix(".test.js"))
def test_its_own_tests_pass(file: Path) -> None:
    build()
    program, _ = node.node_programs()
    done = subprocess.run(
        [program, "--test", str(file)], cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=SECONDS_MAX
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_such_tests() -> None:
    assert [file.name.removesuffix(".test.js") for file in TESTS] == [
        "client", "tokens", "transport", "webhooks", "wechat",
    ]  # fmt: skip


def test_partners_get_the_build_with_its_types_and_nothing_to_install_beside_it(typescript_app: Path) -> None:
    installed = typescript_app / "node_modules" / "hospital-openapi"
    told = json.loads((installed / "package.json").read_text(encoding="utf-8"))
    assert not {"dependencies", "peerDependencies", "optionalDependencies", "bundleDependencies"} & set(told)
    for entry in told["exports"].values():
        assert (installed / entry["types"]).is_file()
        assert (installed / entry["default"]).is_file()
    assert (installed / told["miniprogram"] / "wechat.js").is_file()
    assert not (installed / "tests").exists()


def test_the_lock_names_no_registry() -> None:
    packages = json.loads((PACKAGE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, told in packages.items() if "resolved" in told] == []
    assert [name for name, told in packages.items() if name and "integrity" not in told] == []
