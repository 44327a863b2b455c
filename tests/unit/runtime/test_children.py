import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.processes import Identity, identify
from runtime.supervisor.children import DEATHS_BEFORE_READY_MAX, Child, ProcessSpec
from runtime.supervisor.readiness import file_touched

READY_SECONDS_MAX = 20

SERVES = "import os,time; open(os.environ['READY_FILE'], 'w').close(); time.sleep(60)"
IS_DEAF = f"import signal; signal.signal(15, signal.SIG_IGN); {SERVES}"
LEAVES_A_CHILD = (
    "import os,signal,subprocess,sys,time\n"
    "signal.signal(15, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c',"
    " 'import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(60)'])\n"
    "open(os.environ['READY_FILE'], 'w').write(str(child.pid))\n"
    "time.sleep(60)\n"
)
DIES = "raise SystemExit(7)"

MakeChild = Callable[..., Child]


@pytest.fixture
async def make_child(tmp_path: Path) -> AsyncIterator[MakeChild]:
    made: list[Child] = []

    def make(program: str, *, stop_seconds: float = 5.0) -> Child:
        ready = tmp_path / "ready"
        spec = ProcessSpec(
            name="one",
            argv=[sys.executable, "-c", program],
            environment={**os.environ, "READY_FILE": str(ready)},
            is_ready=file_touched(ready),
            log=tmp_path / "one.log",
            folder=tmp_path,
            stage=0,
            before_start=lambda: ready.unlink(missing_ok=True),
            stop_seconds=stop_seconds,
        )
        child = Child(spec, _discard)
        made.append(child)
        return child

    yield make
    for child in made:
        await child.stop()


def _discard(event: str, **facts: Any) -> None:
    assert event
    assert facts


async def test_a_process_that_dies_is_started_again(make_child: MakeChild) -> None:
    child = make_child(SERVES)
    child.start()
    assert await child.wait_ready(READY_SECONDS_MAX)
    first = child.identity
    assert first is not None
    first.send(signal.SIGKILL)
    async with asyncio.timeout(READY_SECONDS_MAX):
        while child.restarts == 0 or child.state != "running":
            await asyncio.sleep(0.02)
    assert child.identity != first
    assert child.describe()["restarts"] == 1
    assert child.last_exit == -signal.SIGKILL


async def test_a_process_taken_down_on_purpose_stays_down_until_started(make_child: MakeChild) -> None:
    child = make_child(SERVES)
    child.start()
    assert await child.wait_ready(READY_SECONDS_MAX)
    await child.stop()
    await asyncio.sleep(0.4)
    assert (child.state, child.describe()["pid"], child.restarts) == ("stopped", None, 0)
    child.start()
    assert await child.wait_ready(READY_SECONDS_MAX)
    assert child.state == "running"


async def test_one_that_does_not_end_when_asked_is_killed(make_child: MakeChild) -> None:
    child = make_child(IS_DEAF, stop_seconds=0.3)
    child.start()
    assert await child.wait_ready(READY_SECONDS_MAX)
    identity = child.identity
    await child.stop()
    assert identity is not None
    assert not identity.is_alive()
    assert child.last_exit == -signal.SIGKILL


async def test_nothing_is_left_behind(make_child: MakeChild, tmp_path: Path) -> None:
    child = make_child(LEAVES_A_CHILD, stop_seconds=0.3)
    child.start()
    assert await child.wait_ready(READY_SECONDS_MAX)
    async with asyncio.timeout(READY_SECONDS_MAX):
        while not (text := (tmp_path / "ready").read_text()):
            await asyncio.sleep(0.02)
    grandchild = identify(int(text))
    assert isinstance(grandchild, Identity)
    await child.stop()
    assert not grandchild.is_alive()


async def test_one_that_cannot_live_is_tried_at_growing_intervals(make_child: MakeChild) -> None:
    child = make_child(DIES)
    child.start()
    assert not await child.wait_ready(1.5)
    assert child.last_exit == 7
    # Waits of 0.2, 0.4 and 0.8 s leave room for at most four starts.
    assert 1 <= child.restarts <= 4
    await child.stop()
    assert child.state == "stopped"


async def test_a_program_that_is_not_there_is_reported_and_tried_again(make_child: MakeChild, tmp_path: Path) -> None:
    child = make_child(SERVES)
    absent = [str(tmp_path / "absent")]
    lost = Child(ProcessSpec(**{**vars(child.spec), "argv": absent}), _discard)
    lost.start()
    assert not await lost.wait_ready(0.4)
    assert lost.restarts >= 1
    await lost.stop()


async def test_whoever_waits_for_a_process_that_only_dies_is_told_so(make_child: MakeChild) -> None:
    child = make_child(DIES)
    child.start()

    # Far longer than a test may take: only its deaths can end the waiting.
    assert not await child.wait_ready(3600)

    assert child.restarts >= DEATHS_BEFORE_READY_MAX
    assert child.last_exit == 7
