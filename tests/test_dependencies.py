"""What is imported is declared, what is declared is imported, and what CI installs is locked by hashes, without an address."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"benchmarks", "flowdsl", "mock_services", "tests"}
PROVIDES = {
    "yaml": "pyyaml",
}  # a module whose package has another name
OPTIONAL = {"atheris"}  # CONTRIBUTING.md says how to get it
PEERS = {"aiohttp", "dbos", "restate", "uvloop"}  # `make bench-peers` installs them, for itself
TOOLS = {
    "coverage",
    "import-linter",
    "mypy",
    "pytest-cov",
    "pytest-xdist",
    "ruff",
}  # run, and never imported

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DEPENDENCIES: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
BUILDS: list[str] = PROJECT["build-system"]["requires"]
LOCKS = ("lock.txt", "demo.txt", "lowest.txt")


def imported(source: str) -> set[str]:
    """The packages behind the imports of a module, wherever in it they stand."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                modules |= {each.name.partition(".")[0] for each in names}
            case ast.ImportFrom(module=str(name), level=0):
                modules.add(name.partition(".")[0])
    others = modules - OURS - set(sys.stdlib_module_names) - OPTIONAL
    return {PROVIDES.get(module, module) for module in others}


def imported_below(*folders: str) -> set[str]:
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    assert files
    return set().union(*(imported(file.read_text("utf-8")) for file in files))


def declared(requirements: list[str]) -> dict[str, str]:
    """The lowest version by package, `` where any is good."""
    found = [re.fullmatch(r"([\w-]+)(?:\[\w+\])?(?:>=([\d.]+))?", each) for each in requirements]
    assert all(found), f"NAME>=VERSION, and nothing more: {requirements}"
    return {each[1]: each[2] or "" for each in found if each}


def locked(name: str) -> dict[str, set[str]]:
    """The versions by package; more than one where Pythons differ."""
    versions: dict[str, set[str]] = {}
    text = (ROOT / "requirements" / name).read_text("utf-8")
    for package, version in re.findall(r"^([\w.-]+)==([\w.+]+)", text, re.MULTILINE):
        versions.setdefault(package, set()).add(version)
    return versions


def parts(version: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", version)]


@pytest.mark.parametrize(
    ("source", "packages"),
    [
        ("import yaml", {"pyyaml"}),
        ("import httpx.auth as w, json", {"httpx"}),
        ("from click._compat import x", {"click"}),
        ("def late():\n    from referencing import Registry", {"referencing"}),
        ("from . import near\nfrom flowdsl.plan import nodes\nimport asyncio", set()),
    ],
)
def test_an_import_is_seen_wherever_it_stands(source: str, packages: set[str]) -> None:
    assert imported(source) == packages


def test_flowdsl_declares_what_it_imports_and_nothing_else() -> None:
    assert imported_below("flowdsl") == set(declared(DEPENDENCIES))


def test_the_mock_services_declare_what_else_they_import() -> None:
    assert imported_below("mock_services") - set(declared(DEPENDENCIES)) == set(
        declared(EXTRAS["mock"])
    )


def test_the_tests_declare_what_else_they_import() -> None:
    known = {*declared(DEPENDENCIES), *declared(EXTRAS["mock"])}
    others = set(declared(EXTRAS["dev"])) - TOOLS - {"flowdsl"}
    wanted = {package for package in others if not package.startswith("types-")}
    assert imported_below("tests", "benchmarks") - known - PEERS == wanted
    assert imported_below("benchmarks/peers") >= PEERS


def test_every_package_has_a_lowest_version() -> None:
    every = {**declared([*DEPENDENCIES, *EXTRAS["mock"], *EXTRAS["dev"]]), "flowdsl": "-"}
    assert [package for package, version in every.items() if not version] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_names_versions_and_hashes_and_no_address(name: str) -> None:
    lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        package = re.fullmatch(r"[\w.-]+==[\w.+]+( ; [\w.' <>=!]+)? \\", line)
        assert package or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
        assert line.endswith("\\") == following.startswith("    --hash="), line


@pytest.mark.parametrize(
    ("name", "extras"), [("lock.txt", ("mock", "dev")), ("demo.txt", ("mock",))]
)
def test_the_lock_satisfies_what_is_declared(name: str, extras: tuple[str, ...]) -> None:
    wanted = [*DEPENDENCIES, *BUILDS, *(each for extra in extras for each in EXTRAS[extra])]
    versions = locked(name)
    for package, lowest in declared(wanted).items():
        if package != "flowdsl":
            assert package in versions, f"{package} is not in requirements/{name}: `make lock`"
            assert all(parts(each) >= parts(lowest) for each in versions[package]), package


def test_the_demo_is_locked_as_the_tests_are() -> None:
    everything = locked("lock.txt")
    assert {name: everything.get(name) for name in locked("demo.txt")} == locked("demo.txt")


def test_the_lowest_versions_are_those_that_are_declared() -> None:
    versions = locked("lowest.txt")
    for package, lowest in declared([*DEPENDENCIES, *EXTRAS["mock"]]).items():
        (found,) = versions[package]
        assert parts(found)[: len(parts(lowest))] == parts(lowest), (
            f"{package} {found} is not {lowest}: `make lock`"
        )
