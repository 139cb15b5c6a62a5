"""Golden pairs: a workflow with mistakes, and every diagnostic of it. `make bless` writes them."""

from __future__ import annotations

from pathlib import Path

from flowdsl.language import Checked, Source, check
from tests.language.used import library_for

BAD = Path(__file__).parent / "bad"


def said(path: Path) -> str:
    return "".join(f"{item}\n" for item in checked(path).diagnostics)


def checked(path: Path) -> Checked:
    """The file, with all that it names."""
    return check(Source(path.name, path.read_text("utf-8")), library_for(path))


if __name__ == "__main__":
    for path in sorted(BAD.glob("*.yaml")):
        path.with_suffix(".out").write_text(said(path), encoding="utf-8")
