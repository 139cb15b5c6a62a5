"""Rewrite the kept screens: `make bless`. Read the difference before you keep it."""

from __future__ import annotations

from pathlib import Path

from tests.view.screens import screens

SNAPSHOTS = Path(__file__).parent / "snapshots"


def bless() -> None:
    kept = screens()
    for path in SNAPSHOTS.iterdir():
        if path.name not in kept:
            path.unlink()
    for name, text in kept.items():
        (SNAPSHOTS / name).write_text(text)


if __name__ == "__main__":
    bless()
