"""The cases by their numbers, as the tests of this folder name them: `test_c60_c62_a_run_whose_…` is of two.

Those of the seams (`test_s01_…`) are crashed as well; they are not among the 68.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
LAST = 68

_NAME = re.compile(r"test_((?:[cs]\d\d_)+)")
_WHY_NOT = re.compile(r"Not crashed: [^\n]+\.")


def is_case(name: str) -> bool:
    return _NAME.match(name) is not None


def numbers_of(name: str) -> list[int]:
    found = _NAME.match(name)
    return [int(number) for number in re.findall(r"c(\d\d)", found[1])] if found else []


def why_not_crashed(doc: str) -> str:
    """The line of its docstring in which a test says why no crash is added to it; "" where there is none."""
    found = _WHY_NOT.search(doc)
    return found[0] if found else ""


def all_tests() -> Iterator[ast.FunctionDef]:
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node
