"""`./hospital` on a platform of its own: twice up, killed, taken apart and put together, down."""

import json
import os
import signal
import time
import urllib.request

import pytest

from runtime.processes import Identity, identify, marked_processes, wait_gone
from tests.platform import Hospital, command

SERVES_SECONDS_MAX = 60

pytestmark = pytest.mark.slow


def _answers(hospital: Hospital) -> bool:
    try:
        with urllib.request.urlopen(f"{hospital.base_url}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait_until_all_run(hospital: Hospital) -> None:
    deadline = time.monotonic() + SERVES_SECONDS_MAX
    while any(one["state"] != "running" for one in hospital.status().values()):
        assert time.monotonic() < deadline, hospital.status()
        time.sleep(0.2)


def _identities(hospital: Hospital) -> list[Identity]:
    pids = [one["pid"] for one in hospital.status().values()]
    return [found for pid in pids if (found := identify(pid))]


def test_everything_runs_and_is_described(own_hospital: Hospital) -> None:
    status = own_hospital.status()
    assert {
        "postgres",
        "valkey",
        "micro-his",
        "wechatpay",
        "alipay",
        "fiscal",
        "insurance",
        "his-inbound",
        "relay",
        "worker",
        "web-1",
        "web-2",
    } <= set(status)
    assert {one["state"] for one in status.values()} == {"running"}
    assert _answers(own_hospital)
    run = json.loads((own_hospital.data / "run.json").read_text())
    assert {"base_url", "his_http_url", "his_mllp", "database_url", "redis_url", "demo_clients"} <= set(run)
    assert (own_hospital.data / "run.json").stat().st_mode & 0o777 == 0o600


def test_a_second_up_finds_it_running(own_hospital: Hospital) -> None:
    before = _identities(own_hospital)
    done = command(own_hospital.data, "up", "--detach")
    assert "already running" in done.stderr
    assert own_hospital.base_url in done.stdout
    assert _identities(own_hospital) == before


def test_a_process_is_taken_down_and_up_on_purpose(own_hospital: Hospital) -> None:
    own_hospital.stop("micro-his")
    assert own_hospital.status()["micro-his"]["state"] == "stopped"
    own_hospital.start("micro-his")
    assert own_hospital.status()["micro-his"]["state"] == "running"


@pytest.mark.parametrize(
    "name",
    [
        "web-1",
        "relay",
        "worker",
        "his-inbound",
        "micro-his",
        "wechatpay",
        "alipay",
        "fiscal",
        "insurance",
        "valkey",
        "postgres",
    ],
)
def test_what_is_killed_comes_back(own_hospital: Hospital, name: str) -> None:
    killed = own_hospital.kill(name)
    deadline = time.monotonic() + SERVES_SECONDS_MAX
    while (one := own_hospital.status()[name])["state"] != "running" or one["pid"] == killed:
        assert time.monotonic() < deadline, one
        time.sleep(0.1)
    _wait_until_all_run(own_hospital)
    assert _answers(own_hospital)


def test_a_killed_supervisor_leaves_nothing_half_owned(own_hospital: Hospital) -> None:
    processes = _identities(own_hospital)
    supervisor = json.loads(command(own_hospital.data, "status", "--json").stdout)["supervisor_pid"]
    os.kill(supervisor, signal.SIGKILL)
    command(own_hospital.data, "up", "--detach", seconds=SERVES_SECONDS_MAX * 2)
    assert wait_gone(processes, 1) == []
    assert own_hospital.base_url == json.loads((own_hospital.data / "run.json").read_text())["base_url"]
    assert _answers(own_hospital)


def test_up_after_everything_was_killed(own_hospital: Hospital) -> None:
    processes = _identities(own_hospital)
    supervisor = json.loads(command(own_hospital.data, "status", "--json").stdout)["supervisor_pid"]
    for pid in [supervisor, *(one.pid for one in processes)]:
        os.kill(pid, signal.SIGKILL)
    command(own_hospital.data, "up", "--detach", seconds=SERVES_SECONDS_MAX * 2)
    _wait_until_all_run(own_hospital)
    assert _answers(own_hospital)


def test_down_leaves_nothing_running(own_hospital: Hospital) -> None:
    processes = _identities(own_hospital)
    command(own_hospital.data, "down")
    assert wait_gone(processes, 1) == []
    assert marked_processes(str(own_hospital.data)) == []
    assert not (own_hospital.data / "run.json").exists()
    assert not _answers(own_hospital)
