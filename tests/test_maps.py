"""The maps lead somewhere: every file that a package or CONTRIBUTING names is there, and says what it is said to say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted((ROOT / "flowdsl").rglob("__init__.py"))
LINES_MAX = 25
QUESTIONS = re.findall(
    r"^\| (?P<question>[^|]*\?) \| `(?P<map>[^`]*)` \| `(?P<file>[^`]*)`: `(?P<name>[^`]*)` \|$",
    (ROOT / "CONTRIBUTING.md").read_text("utf-8"),
    re.MULTILINE,
)


def named(package: Path) -> str:
    return str(package.parent.relative_to(ROOT))


@pytest.mark.parametrize("package", PACKAGES, ids=named)
def test_a_package_says_what_is_in_it(package: Path) -> None:
    told = ast.get_docstring(ast.parse(package.read_text("utf-8")))
    assert told, "a folder begins with its map"
    assert len(told.splitlines()) <= LINES_MAX
    for name in re.findall(r"[\w/]+\.py", told):
        assert any((base / name).is_file() for base in (package.parent, ROOT / "flowdsl")), name
    for name in re.findall(r"(?m)^ +(\w+)/ ", told):
        assert (package.parent / name).is_dir(), name


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) == 10


@pytest.mark.parametrize(("question", "map_", "file", "name"), QUESTIONS)
def test_a_question_ends_at_a_file_that_answers_it(
    question: str, map_: str, file: str, name: str
) -> None:
    # from the README to CONTRIBUTING to a map
    assert "(CONTRIBUTING.md)" in (ROOT / "README.md").read_text("utf-8")
    told = (ROOT / map_).read_text("utf-8")
    # and from the map to a file that has the name in it
    assert Path(file).stem in told or file.startswith("docs/"), question
    assert re.search(rf"\b{name}\b", (ROOT / file).read_text("utf-8")), question


FLAT = {"cli/commands"}  # its tests are those of the command line


def test_every_package_has_its_tests_where_it_stands_itself() -> None:
    packages = {
        path.parent.relative_to(ROOT / "flowdsl").as_posix()
        for path in (ROOT / "flowdsl").rglob("__init__.py")
    }
    without = [
        name for name in packages - FLAT if not any((ROOT / "tests" / name).glob("test_*.py"))
    ]
    assert without == []


def test_what_the_suites_that_attack_share_is_made_once() -> None:
    made = {
        path: set(re.findall(r"^class (\w+)", path.read_text("utf-8"), re.MULTILINE))
        for path in (ROOT / "tests").rglob("*.py")
    }
    shared = {name for path, names in made.items() if path.parent.name == "lives" for name in names}
    assert {"Death", "Fuse", "DyingNetwork", "SimDisk", "Front", "Theatre", "Machine"} <= shared
    for path, names in made.items():
        assert path.parent.name == "lives" or not names & shared, path
