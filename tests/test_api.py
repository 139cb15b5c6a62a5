"""The names that `flowdsl` offers to programs: there, written down, loaded when asked for, and enough for a run."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import flowdsl
from tests.processes.real import ROOT, services

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")


@pytest.mark.parametrize("name", flowdsl.__all__)
def test_a_public_name_is_there_and_written_down(name: str) -> None:
    assert getattr(flowdsl, name)
    assert name in dir(flowdsl)
    assert re.search(rf"^\| `{name}\b", PAGE, re.MULTILINE), "docs/api.md lists it"


def test_the_page_lists_nothing_else() -> None:
    assert sorted(re.findall(r"^\| `(\w+)", PAGE, re.MULTILINE)) == sorted(flowdsl.__all__)


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Workflows'"):
        _ = flowdsl.Workflows  # type: ignore[attr-defined]


def test_the_package_alone_loads_none_of_its_floors() -> None:
    code = "import sys, flowdsl; print(sorted(m for m in sys.modules if m.startswith('flowdsl')))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "['flowdsl', 'flowdsl.version']\n"


def test_the_version_is_that_of_the_distribution() -> None:
    assert flowdsl.__version__ == version("flowdsl")


def test_the_example_of_the_page_books_a_trip(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "workflows").symlink_to(ROOT / "workflows")
    with services() as mock:
        script = example.replace("http://localhost:9000", mock.url)
        assert script != example
        said = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (said.returncode, said.stdout) == (0, "trip-1 succeeded\n"), said.stderr
        assert [effect["count"] for effect in mock.effects("trip-1")] == [1, 1, 1, 1]
        assert mock.residue("succeeded") == []
    assert (tmp_path / ".flowdsl" / "runs" / "trip-1.json").exists()
