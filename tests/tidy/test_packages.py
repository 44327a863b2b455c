"""Our top-level packages lie flat at the root; no dependency may bring one of the same name."""

import importlib.metadata
import re
import subprocess
import sys

from tests.tidy.repository import ROOMS, ROOT


def test_no_dependency_brings_a_package_of_our_name() -> None:
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"benchmarks", "tests"}
    theirs = importlib.metadata.packages_distributions()
    assert {name: theirs[name] for name in sorted(ours & set(theirs))} == {}


def test_every_room_is_known_here() -> None:
    """A new package at the root is added to ROOMS and to import-linter's root_packages."""
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found - set(ROOMS) == set()


def test_no_room_has_the_name_of_a_standard_module() -> None:
    assert set(ROOMS) & set(sys.stdlib_module_names) == set()


def test_locks_pin_every_package_by_hash() -> None:
    loose = []
    for name in ("runtime", "dev", "uv", "node"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        for entry in re.split(r"\n(?=[a-z0-9])", text)[1:]:
            if not re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", entry) or "--hash=sha256:" not in entry:
                loose.append(f"{name}.txt: {entry.splitlines()[0]}")
    assert loose == []


def test_locks_hold_everything_asked_for() -> None:
    missing = []
    for name in ("runtime", "dev"):
        locked = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").lower()
        for line in (ROOT / "requirements" / f"{name}.in").read_text(encoding="utf-8").splitlines():
            asked = re.match(r"[A-Za-z0-9._-]+", line)
            if asked and not line.startswith("-") and f"\n{asked[0].lower()}==" not in locked:
                missing.append(f"{name}.in asks for {asked[0]}")
    assert missing == []


def test_generated_files_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runtime.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run ./hospital generate: {done.stdout}{done.stderr}"
