"""sdk/typescript as partners have it: built once for each state of its sources, packed, and installed in a folder."""

import fcntl
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.clients import node
from tests.server import ROOT

PACKAGE = ROOT / "sdk" / "typescript"
SECONDS_MAX = 120
README = PACKAGE / "README.md"


def build() -> Path:
    """Install the compiler, build the package where its sources have changed, and give the folder of what was built."""
    node.require(PACKAGE)
    built = PACKAGE / "dist"
    mark = PACKAGE / "node_modules" / ".built"
    with (PACKAGE / "package.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists() or not mark.exists() or mark.read_text() != _state():
            shutil.rmtree(built, ignore_errors=True)
            _npm("run", "build")
            mark.write_text(_state())
    return built


def install_for_partner(folder: Path) -> Path:
    """Install what would be published below a folder, and give the folder."""
    build()
    packed = _npm("pack", "--ignore-scripts", "--pack-destination", str(folder)).splitlines()[-1]
    target = folder / "node_modules" / "hospital-openapi"
    with tarfile.open(folder / packed) as archive:
        archive.extractall(folder, filter="data")
    target.parent.mkdir()
    (folder / "package").rename(target)
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(node.FOLDER / "conversation.js", folder)
    return folder


def compiler() -> str:
    """Name the TypeScript compiler."""
    return str(PACKAGE / "node_modules" / ".bin" / "tsc")


def _state() -> str:
    sources = [*sorted((PACKAGE / "src").iterdir()), *sorted(PACKAGE.glob("*.json"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


def _npm(*arguments: str) -> str:
    _, npm = node.node_programs()
    done = subprocess.run(
        [npm, *arguments], cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=SECONDS_MAX
    )
    if done.returncode != 0:
        pytest.fail(f"npm {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout
