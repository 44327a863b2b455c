"""deploy/ starts the same processes as `./hospital up`, without root and without secrets in files."""

import importlib.util
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kernel import settings
from runtime import keys

ROOT = Path(__file__).resolve().parent.parent.parent.parent
DEPLOY = ROOT / "deploy"
MODULES = {"runtime.migrate", "runtime.web", "runtime.worker.relay", "runtime.worker.main", "runtime.inbound"}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def _documents() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def _pods() -> dict[str, dict[str, Any]]:
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in _documents()
        if "template" in one.get("spec", {})
    }


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_process_exists(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


def test_each_kind_of_deployment_starts_all_processes() -> None:
    by_kubernetes = {pod["containers"][0]["command"][2] for pod in _pods().values()}
    by_compose = {service["command"][2] for service in _compose()["services"].values()}
    units = "\n".join(path.read_text(encoding="utf-8") for path in UNITS)
    by_systemd = set(re.findall(r"^ExecStart=\S+ -m (\S+)$", units, re.MULTILINE))
    assert (by_kubernetes, by_compose, by_systemd) == (MODULES, MODULES, MODULES)


@pytest.mark.parametrize("name", _pods())
def test_a_pod_is_not_root_and_changes_nothing_of_its_image(name: str) -> None:
    pod = _pods()[name]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"secretRef": {"name": "hospital-settings"}} in container["envFrom"]
    assert pod["volumes"][0]["secret"]["secretName"] == "hospital-keys"


@pytest.mark.parametrize("name", [name for name in _pods() if name != "migrate"])
def test_a_pod_is_watched_and_given_time_to_finish(name: str) -> None:
    pod = _pods()[name]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(pod["containers"][0])
    assert pod["terminationGracePeriodSeconds"] == 45


@pytest.mark.parametrize("name", _compose()["services"])
def test_a_container_is_not_root_and_changes_nothing_of_its_image(name: str) -> None:
    service = _compose()["services"][name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["secrets"] == [keys.SIGNING_KEY, keys.FIELD_KEY, keys.LOOKUP_KEY]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_not_root_and_changes_nothing_of_the_system(unit: Path) -> None:
    lines = unit.read_text(encoding="utf-8").splitlines()
    assert {"DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(lines)
    assert "EnvironmentFile=/etc/hospital/environment" in lines


def test_web_processes_of_one_machine_may_share_a_port() -> None:
    assert "User=hospital-web" in (DEPLOY / "systemd" / "hospital-web@.service").read_text().splitlines()


def test_no_secret_and_nothing_of_the_sandbox_stands_in_a_file() -> None:
    written: dict[str, str] = {}
    for one in _documents():
        if one["kind"] == "ConfigMap":
            written |= one["data"]
    for service in _compose()["services"].values():
        written |= service["environment"]
    secret = {"DATABASE_URL", "REDIS_URL", "HIS_HTTP_TOKEN"}
    assert set(written) & (secret | set(settings.SANDBOX_ONLY)) == set()
    assert written["MODE"] == "production"
    assert not [one for one in _documents() if one["kind"] == "Secret"]


def test_production_is_told_all_it_wants() -> None:
    example = (DEPLOY / "systemd" / "environment.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert set(settings.PRODUCTION_WANTS) - named == {"KEYS_DIR"}
    config = next(one["data"] for one in _documents() if one["kind"] == "ConfigMap")
    assert set(settings.PRODUCTION_WANTS) - set(config) == {"DATABASE_URL", "REDIS_URL", "HIS_HTTP_TOKEN"}


def test_a_shell_reads_the_settings_as_systemd_does() -> None:
    example = DEPLOY / "systemd" / "environment.example"
    script = f'set -aeu; . {shlex.quote(str(example))}; printf %s "$HIS_CHARSET"'
    read = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)  # noqa: S607  the shell of the machine
    assert (read.returncode, read.stdout, read.stderr) == (0, "UNICODE UTF-8", "")


def test_the_image_holds_every_room() -> None:
    copied = set(re.findall(r"^COPY (\w+) \w+$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE))
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert rooms - copied == set()
