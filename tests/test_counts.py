"""What the suites tried is printed at the end, and the manual names just that."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import counts

ROOT = Path(__file__).parents[1]


@pytest.fixture
def manual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    page = tmp_path / "promises.md"
    monkeypatch.setattr(counts, "MANUAL", page)
    return page


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"kills": 8, "disk states": 1_200}, []),
        ({"kills": 7, "disk states": 99}, []),  # of another day, or another machine
        ({"kills": 8}, ["promises.md does not name what was tried here: disk states"]),
        (
            {"kills": 8, "disk states": 1, "x": 2},
            ["promises.md names what was not tried here: x"],
        ),
    ],
)
def test_the_manual_names_what_was_tried(
    named: dict[str, int],
    says: list[str],
    manual: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tried = {"kills": 8, "disk states": 1_200}
    (tmp_path / "counts.json").write_text(json.dumps(tried))
    manual.write_text(f"# Promises\n\n```\n{counts.table(named)}\n```\n")
    assert counts.main(str(tmp_path / "counts.json")) == bool(says)
    printed = capsys.readouterr().out
    assert counts.table(tried) in printed
    assert printed.splitlines()[-1:] == says or not says


SMALL = """
import pytest

@pytest.mark.parametrize("number", range(5))
def test_small(number, counts):
    counts.add("small things", 2)
"""


def test_what_workers_tried_is_counted_once_and_added_to_what_was(tmp_path: Path) -> None:
    file = tmp_path / "counts.json"
    file.write_text('{"before": 3, "small things": 1}')
    words = ["-n", "2", "-q", "-p", "no:cacheprovider", "-p", "tests.conftest", f"--counts={file}"]
    tests = tmp_path / "test_small.py"
    tests.write_text(SMALL)
    command = [sys.executable, "-m", "pytest", *words, "--rootdir", str(tmp_path), str(tests)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    ((printed, name),) = counts.LINE.findall(done.stdout)
    assert (printed, name) == ("10", "small things")
    assert json.loads(file.read_text()) == {"before": 3, name: 11}
