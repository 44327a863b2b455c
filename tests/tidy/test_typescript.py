"""What tsc has to say of sdk/typescript; mypy does not read it."""

import subprocess

from tests.clients import node
from tests.factories.typescript_sdk import PACKAGE, compiler


def test_the_typescript_client_holds_to_the_strictest_types() -> None:
    node.require(PACKAGE)
    argv = [compiler(), "-p", "tsconfig.json", "--noEmit"]
    done = subprocess.run(argv, cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


def test_what_is_written_by_hand_has_lines_that_can_be_read() -> None:
    made = {"types.ts", "problems.ts", "operations.ts"}
    long = [
        f"{path.name}:{number}"
        for folder in ("src", "tests")
        for path in sorted((PACKAGE / folder).iterdir())
        if path.name not in made
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120
    ]
    assert long == []
