"""What vue-tsc has to say of the patients' front end, and what no compiler says: its words and its addresses."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.frontend import PROJECT
from tests.factories.front_end import CHECK_SECONDS_MAX, require_packages
from tests.tidy.repository import shown, tracked

SOURCES = PROJECT / "src"
GENERATED = frozenset({SOURCES / "api" / "types.ts", SOURCES / "api" / "operations.ts"})
"""`./hospital generate` writes them."""
LOCALES = SOURCES / "locale"
CHINESE = re.compile(r"[\u3400-\u9fff\uff00-\uffef]")
PLACE = re.compile(r"\{(\w+)\}")
LINES_MAX = 400


def _ours() -> list[Path]:
    return [path for path in tracked() if path.is_relative_to(SOURCES)]


def _with_tests() -> list[Path]:
    return [*_ours(), *(path for path in tracked() if path.is_relative_to(PROJECT / "tests"))]


def _sentences(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _sentences(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _locale(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((LOCALES / language).glob("*.json")):
        found |= dict(_sentences(json.loads(path.read_text(encoding="utf-8")), f"{path.stem}."))
    return found


def test_the_front_end_holds_to_the_strictest_types() -> None:
    node = require_packages()
    done = subprocess.run(
        [node.npm, "run", "--silent", "check"],
        cwd=PROJECT,
        env=node.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=CHECK_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout


def test_both_languages_say_the_same_things() -> None:
    chinese, english = _locale("zh"), _locale("en")
    assert chinese.keys() == english.keys()
    assert {key for key in chinese if set(PLACE.findall(chinese[key])) != set(PLACE.findall(english[key]))} == set()
    assert {key for key, text in (chinese | english).items() if not text.strip()} == set()


def test_longer_texts_say_the_same_things_in_both_languages() -> None:
    """Their versions too: what people agree to is kept by the version alone."""
    texts = SOURCES / "account" / "texts"
    versions = set()
    for path in sorted((texts / "zh").glob("*.json")):
        chinese = json.loads(path.read_text(encoding="utf-8"))
        english = json.loads((texts / "en" / path.name).read_text(encoding="utf-8"))
        assert _shape(chinese) == _shape(english), path.name
        if path.name == "privacy.json":
            versions = {chinese["version"], english["version"]}
    shown_at_sign_in = re.findall(r'PRIVACY_VERSION = "(.+)"', (SOURCES / "api" / "session.ts").read_text("utf-8"))
    assert versions == set(shown_at_sign_in)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: value[name] if name in ("version", "day") else _shape(value[name]) for name in value}
    if isinstance(value, list):
        return [_shape(one) for one in value]
    return type(value).__name__


def test_every_sentence_is_said_somewhere() -> None:
    """A key written in full, or the beginning of one that is put together."""
    sources = "".join(path.read_text(encoding="utf-8") for path in _ours() if path.suffix in (".ts", ".vue"))
    put_together = set(re.findall(r"`([a-z_.]+\.)\$\{", sources))
    unsaid = {
        key
        for key in _locale("zh")
        if not re.search(rf"[\"'`]{re.escape(key)}[\"'`]", sources)
        and not any(key.startswith(beginning) for beginning in put_together)
    }
    assert unsaid == set()


def test_templates_and_programs_hold_keys_and_no_chinese() -> None:
    spoken = [
        f"{shown(path)}: {found[0]}"
        for path in _ours()
        if path.suffix in (".vue", ".ts", ".scss") and (found := CHINESE.search(path.read_text(encoding="utf-8")))
    ]
    assert spoken == []


def test_what_is_drawn_or_asked_lies_with_us() -> None:
    strangers = [
        f"{shown(path)}: {address}"
        for path in _ours()
        if path.suffix in (".vue", ".ts", ".scss", ".json")
        for address in re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s'\"`)]+", path.read_text(encoding="utf-8"))
        if not address.startswith("https://hospital.example")
    ]
    assert strangers == []


def test_conditions_on_the_target_stand_in_platform_alone() -> None:
    """But for what a style or an attribute needs in one of both."""
    allowed = {"platform", "components/TapArea.vue", "design"}
    asking = [
        shown(path)
        for path in _ours()
        if re.search("#ifn?def", path.read_text(encoding="utf-8", errors="ignore"))
        and not any(path.relative_to(SOURCES).as_posix().startswith(place) for place in allowed)
    ]
    assert asking == ["patient_app/miniprogram/src/components/PageFrame.vue"]


def test_every_page_is_listed_and_names_itself() -> None:
    pages = json.loads((SOURCES / "pages.json").read_text(encoding="utf-8"))
    listed = [page["path"] for page in pages["pages"]]
    listed += [f"{part['root']}/{page['path']}" for part in pages["subPackages"] for page in part["pages"]]
    assert [path for path in listed if not (SOURCES / f"{path}.vue").is_file()] == []
    silent = [path for path in listed if "useTitle(" not in (SOURCES / f"{path}.vue").read_text(encoding="utf-8")]
    assert silent == []
    unframed = [path for path in listed if "<PageFrame" not in (SOURCES / f"{path}.vue").read_text(encoding="utf-8")]
    assert unframed == []


def test_no_source_is_longer_than_a_person_reads_at_once() -> None:
    lengths = {
        shown(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in _with_tests()
        if path.suffix in (".vue", ".ts", ".scss") and path not in GENERATED
    }
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MAX} == {}


def test_no_line_is_too_long_to_read() -> None:
    long = [
        f"{shown(path)}:{number}"
        for path in _with_tests()
        if path not in GENERATED
        if path.suffix in (".vue", ".ts") or (path.suffix == ".scss" and path.name != "icons.scss")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120
    ]
    assert long == []


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
    unpinned = [name for name, package in lock["packages"].items() if name and "integrity" not in package]
    assert unpinned == []


def test_versions_are_exact() -> None:
    package = json.loads((PROJECT / "package.json").read_text(encoding="utf-8"))
    loose = {
        name: version
        for kind in ("dependencies", "devDependencies")
        for name, version in package[kind].items()
        if not re.fullmatch(r"\d+\.\d+\.\d+(-\d+)?", version)
    }
    assert loose == {}


def _inside_brackets(text: str, start: int) -> str:
    """Give what stands between the bracket that was opened just before `start` and the one that closes it."""
    depth, end = 1, start
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return text[start : end - 1]


def test_no_call_of_uni_is_refused_unheard() -> None:
    """Without `success`, `fail` or `complete` uni answers with a promise; one refused unheard is the page's fault."""
    call = re.compile(r"\buni\.(?!on[A-Z]|get\w+(?:Info|Manager)\b|\w+Sync\b|stopPullDownRefresh\b)(\w+)\(")
    heard = re.compile(r"\b(quiet|success|fail|complete|options)\b")
    unheard = [
        f"{shown(path)}: uni.{found[1]}"
        for path in _ours()
        if path.suffix in {".ts", ".vue"}
        for text in [path.read_text(encoding="utf-8")]
        for found in call.finditer(text)
        if not heard.search(_inside_brackets(text, found.end()))
    ]
    assert unheard == []
