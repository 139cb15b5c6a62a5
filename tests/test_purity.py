"""plan, language, saga, view and the explorer are pure: no clock, chance, socket, file, environment, printing, mutable module state."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "flowdsl"
PURE = ("plan", "language", "saga", "view", "explorer")
IMPURE_MODULES = frozenset(
    [
        "asyncio",
        "time",
        "random",
        "uuid",
        "secrets",
        "os",
        "io",
        "pathlib",
        "socket",
        "ssl",
        "threading",
        "multiprocessing",
        "subprocess",
        "tempfile",
        "shutil",
        "logging",
        "sys",
        "httpx",
        "httptools",
        "aiohappyeyeballs",
        "click",
        "rich",
        "signal",
        "select",
    ]
)
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "__import__", "breakpoint"})
CLOCKS = frozenset({"now", "utcnow", "today"})  # to format a time that is given needs no clock
MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = frozenset(
    {"list", "dict", "set", "defaultdict", "deque", "OrderedDict", "bytearray"}
)
FILES = sorted(file for floor in PURE for file in (PACKAGE / floor).rglob("*.py"))


def impurities(tree: ast.Module) -> list[str]:
    found = [what for node in ast.walk(tree) if (what := _impure(node))]
    return found + [
        f"line {statement.lineno}: module state that can change"
        for statement in tree.body
        if "__all__" not in ast.unparse(statement) and _is_state(statement)
    ]


def _impure(node: ast.AST) -> str:
    match node:
        case ast.Import(names=names):
            return next((a.name for a in names if a.name.split(".")[0] in IMPURE_MODULES), "")
        case ast.ImportFrom(module="pathlib", names=names):
            return next((a.name for a in names if not a.name.startswith("Pure")), "")
        case ast.ImportFrom(module=str() as module, level=0):
            return module if module.split(".")[0] in IMPURE_MODULES else ""
        case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
            return f"{name}()"
        case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS:
            return f".{name}()"
        case ast.Global():
            return "global"
        case _:
            return ""


def _is_state(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign | ast.AnnAssign) and _is_mutable(statement.value)


def _is_mutable(value: ast.expr | None) -> bool:
    match value:
        case ast.Call(func=ast.Name(id=name)):
            return name in MUTABLE_CALLS
        case _:
            return isinstance(value, MUTABLE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_of_the_pure_floors_is_pure(file: Path) -> None:
    assert impurities(ast.parse(file.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "datetime.now()",
        "from pathlib import Path",
        "from os import environ",
        "def f():\n    import socket",
        "print('x')",
        "CACHE = {}",
        "SEEN: list[int] = []",
        "SEEN = set()",
        "def f():\n    global x",
        "def f():\n    return open('x')",
    ],
)
def test_an_impurity_is_seen(source: str) -> None:
    assert impurities(ast.parse(source))


def test_every_pure_floor_is_looked_at() -> None:
    assert {file.relative_to(PACKAGE).parts[0] for file in FILES} == set(PURE)
    assert len(FILES) > 50
