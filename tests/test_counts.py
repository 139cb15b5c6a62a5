"""What the suites tried is printed at the end, and the manual names just that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import counts


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
