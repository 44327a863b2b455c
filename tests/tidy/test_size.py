import ast
from pathlib import Path

from runtime.generate import generated
from tests.tidy.repository import python_files, shown

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    # Nobody reads what is generated from beginning to end; they look one thing up.
    made = generated()
    lengths = {
        shown(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files()
        if shown(path) not in made
    }
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = {}
    for path in python_files():
        for name, lines in _function_lengths(path):
            if lines > FUNCTION_LINES_MAX:
                too_long[f"{shown(path)}:{name}"] = lines
    assert too_long == {}


def _function_lengths(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions]
