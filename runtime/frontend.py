"""Building the patients' front end: one source, for WeChat (`mp-weixin`) and for browsers (`h5`).

What was built is not committed. It is built where its sources changed since, with the system's Node or with one of
our own in .tools; a release archive carries it, and then no Node is needed. Nothing of the platform waits for it: the
server starts without, and says on `/m/` how to build it.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

ROOT: Final = Path(__file__).resolve().parent.parent
PROJECT: Final = ROOT / "patient_app" / "miniprogram"
TOOL: Final = ROOT / ".tools" / "node"
NODE_REQUIREMENTS: Final = ROOT / "requirements" / "node.txt"
NODE_MAJOR_MIN: Final = 20
VERSION_SECONDS_MAX: Final = 20
NODE_SECONDS_MAX: Final = 300
INSTALL_SECONDS_MAX: Final = 600
BUILD_SECONDS_MAX: Final = 600
OUTPUT_CHARACTERS_MAX: Final = 2000
REASON_CHARACTERS_MAX: Final = 200
SYSTEM_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
# `up` builds unless this says `skip`: tests bring platforms up by the dozen, and one build is enough for them all.
SWITCH: Final = "HOSPITAL_FRONTEND"

Target = Literal["h5", "mp-weixin"]
TARGETS: Final[tuple[Target, ...]] = ("h5", "mp-weixin")
Tell = Callable[[str], None]


class Unbuildable(Exception):
    """Why there is no build, in a sentence for the person at the terminal."""


class StepFailed(Unbuildable):
    """A step of the build ended badly. output: its own words, the last of which the sentence has."""

    def __init__(self, step: str, output: str) -> None:
        super().__init__(f"{step} failed:\n{output[-OUTPUT_CHARACTERS_MAX:].rstrip()}\n")
        self.output = output


@dataclass(frozen=True, slots=True)
class Node:
    """Node with npm, and the folder in which both lie."""

    npm: str
    folder: str

    def environment(self) -> dict[str, str]:
        """Give the variables under which the build runs.

        CI=1: without it the build sends facts of this machine to the vendor of uni-app.
        """
        return {**os.environ, "CI": "1", "PATH": f"{self.folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def built(target: Target, project: Path = PROJECT) -> Path:
    """Name the folder of what was built."""
    return project / "dist" / "build" / target


def is_built(target: Target, project: Path = PROJECT) -> bool:
    """Tell whether there is a build of any age."""
    return (built(target, project) / ("index.html" if target == "h5" else "app.json")).is_file()


def is_current(target: Target, project: Path = PROJECT) -> bool:
    """Tell whether the build is one of the sources as they are."""
    try:
        made_of = _stamp(target, project).read_text(encoding="utf-8")
    except OSError:
        return False
    return is_built(target, project) and made_of == digest(project)


def digest(project: Path = PROJECT) -> str:
    """Name the state of the sources: every file that the build reads, and what it is told from outside."""
    state = hashlib.sha256(os.environ.get("VITE_PLATFORM_URL", "").encode())
    for path in _sources(project):
        state.update(f"\0{path.relative_to(project)}\0".encode())
        state.update(path.read_bytes())
    return state.hexdigest()


def build(targets: Sequence[Target], tell: Tell, project: Path = PROJECT) -> None:
    """Build what is not current; builders that come meanwhile wait and then find it done.

    Raises:
        Unbuildable: there is no Node, its packages cannot be had, or the sources do not compile.
    """
    with alone(project):
        wanted = [target for target in targets if not is_current(target, project)]
        if not wanted:
            return
        node = find_node() or fetch_node(tell)
        install(node, tell, project)
        for target in wanted:
            tell(f"Building the patients' pages for {_AUDIENCE[target]} (about a quarter of a minute) ...")
            _stamp(target, project).unlink(missing_ok=True)
            made_of = digest(project)
            _run([node.npm, "run", f"build:{target}"], node, project, BUILD_SECONDS_MAX)
            if not is_built(target, project):
                raise Unbuildable(f"the build of {target} left nothing in {built(target, project)}.")
            _stamp(target, project).write_text(made_of, encoding="utf-8")


def build_for_up(tell: Tell, project: Path = PROJECT) -> None:
    """Build the pages that the platform itself serves, if they changed; a platform without them is no failure."""
    if os.environ.get(SWITCH) == "skip" or is_current("h5", project):
        return
    try:
        build(["h5"], tell, project)
    except Unbuildable as error:
        instead = "The pages built before are served." if is_built("h5", project) else "/m/ says how to build them."
        tell(f"The patients' pages were not built: {error} {instead}")


def install(node: Node, tell: Tell, project: Path = PROJECT) -> None:
    """Install the packages that package-lock.json names, once for each state of that file.

    Raises:
        Unbuildable.
    """
    mark = project / "node_modules" / ".installed"
    state = hashlib.sha256((project / "package-lock.json").read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text(encoding="utf-8") == state:
        return
    tell("Fetching the packages of the patients' pages (this once; about half a minute) ...")
    # No package runs a program of its own here, and a registry that is away is given up soon.
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"]
    try:
        _run([node.npm, "ci", *options], node, project, INSTALL_SECONDS_MAX)
    except StepFailed as failure:
        away = _AWAY.search(failure.output)
        if away is None:
            raise
        raise Unbuildable(
            f"their packages could not be fetched, for npm's registry cannot be reached ({away[0]}). Behind a mirror,"
            " set npm_config_registry to it, behind a proxy HTTPS_PROXY; a release archive carries the pages built."
        ) from failure
    mark.write_text(state, encoding="utf-8")


def find_node() -> Node | None:
    """Find a Node that is new enough: the system's, the environment's, or the one fetched before."""
    for folder in (None, str(Path(sys.executable).parent), str(TOOL / "bin")):
        node, npm = shutil.which("node", path=folder), shutil.which("npm", path=folder)
        if node and npm and _major(node) >= NODE_MAJOR_MIN:
            return Node(npm, str(Path(node).parent))
    return None


def fetch_node(tell: Tell) -> Node:
    """Put a Node of our own into .tools.

    Raises:
        Unbuildable: the package cannot be had, or does not run here.
    """
    tell("Fetching Node into .tools (this once) ...")
    python = str(TOOL / "bin" / "python")
    uv = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".tools" / "bin"))
    if uv:
        environment = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(TOOL)]
        packages = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(NODE_REQUIREMENTS)]
    else:
        environment = [sys.executable, "-m", "venv", "--clear", str(TOOL)]
        packages = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(NODE_REQUIREMENTS)]
    try:
        for step in (environment, packages):
            _run(step, None, ROOT, NODE_SECONDS_MAX)
    except Unbuildable as failure:
        words = failure.output if isinstance(failure, StepFailed) else str(failure)
        raise Unbuildable(
            f"Node {NODE_MAJOR_MIN} or later with npm is needed (Debian: apt install nodejs npm), and could not be"
            f" fetched either ({' '.join(words.split())[:REASON_CHARACTERS_MAX]}). Behind a mirror, set"
            " UV_DEFAULT_INDEX and PIP_INDEX_URL to it."
        ) from failure
    node = find_node()
    if node is None:
        raise Unbuildable(f"the Node that was fetched does not run here; install Node {NODE_MAJOR_MIN} or later.")
    return node


# What npm calls a registry that does not answer, or whose certificate only the machine's owner knows.
_AWAY: Final = re.compile(
    r"\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|E50[234]"
    r"|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN)\b"
)
_AUDIENCE: Final[dict[Target, str]] = {"h5": "browsers", "mp-weixin": "WeChat"}


def _stamp(target: Target, project: Path) -> Path:
    return project / "dist" / "build" / f"{target}.stamp"


def _sources(project: Path) -> Iterator[Path]:
    """List what the build reads, in one order everywhere."""
    single = [project / name for name in ("index.html", "package.json", "package-lock.json", "vite.config.js")]
    trees = [path for name in ("build", "src") for path in (project / name).rglob("*")]
    yield from sorted(path for path in (*single, *trees) if path.is_file())


@contextmanager
def alone(project: Path = PROJECT) -> Iterator[None]:
    """Let one builder at a time into the project; a copy that cannot be written cannot be built."""
    try:
        (project / "dist").mkdir(exist_ok=True)
        lock = (project / "dist" / "lock").open("w", encoding="utf-8")
    except OSError as error:
        raise Unbuildable(f"{project} cannot be written.") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _major(node: str) -> int:
    try:
        done = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=False, timeout=VERSION_SECONDS_MAX
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return int(done.stdout.strip().lstrip("v").partition(".")[0] or 0)


def _run(argv: list[str], node: Node | None, folder: Path, seconds_max: int) -> None:
    """Run one step; the last of its own words say why it failed. node: None where it is yet to be fetched."""
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env=node.environment() if node else _installer_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds_max,
        )
    except subprocess.TimeoutExpired as error:
        raise Unbuildable(f"{Path(argv[0]).name} {argv[1]} took longer than {seconds_max} s.") from error
    except OSError as error:
        raise Unbuildable(f"{argv[0]} does not run: {error.strerror}.") from error
    if done.returncode != 0:
        raise StepFailed(f"{Path(argv[0]).name} {argv[1]}", done.stdout)


def _installer_environment() -> dict[str, str]:
    """Give the variables under which uv works here, as ./hospital does."""
    environment = {"UV_LINK_MODE": "copy", **os.environ, "UV_NO_PROGRESS": "1"}
    if SYSTEM_CERTIFICATES.exists():
        environment.setdefault("UV_SYSTEM_CERTS", "true")
    environment.pop("VIRTUAL_ENV", None)
    return environment
