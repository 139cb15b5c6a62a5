"""Golden pairs: a workflow with mistakes, and every diagnostic of it. `python -m tests.language.bless` writes them."""

from __future__ import annotations

from pathlib import Path

from flowdsl.language import Source, check
from tests.language.named import LIBRARY

BAD = Path(__file__).parent / "bad"


def said(path: Path) -> str:
    diagnostics = check(Source(path.name, path.read_text("utf-8")), LIBRARY).diagnostics
    return "".join(f"{item}\n" for item in diagnostics)


if __name__ == "__main__":
    for path in sorted(BAD.glob("*.yaml")):
        path.with_suffix(".out").write_text(said(path), encoding="utf-8")
