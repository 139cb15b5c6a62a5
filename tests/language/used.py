"""A library filled from disk, as a command line fills it: whatever a file names, and what that names."""

from __future__ import annotations

from pathlib import Path

from flowdsl.language import Library, Source, paths_named

NAMED = Path(__file__).parent / "named"


def library_for(path: Path) -> Library:
    """Keys are relative to the folder of the file, which is its source by name alone."""
    texts: dict[str, str] = {}
    why: dict[str, str] = {}
    still_open = [Source(path.name, path.read_text("utf-8"))]
    while still_open:
        for key in paths_named(still_open.pop()):
            if key in texts or key in why:
                continue
            found = _text(path.parent, key)
            if found is None:
                why[key] = "there is no such file"
                continue
            texts[key] = found
            if not key.endswith(".openapi.yaml"):
                still_open.append(Source(key, found))
    return Library(texts, why)


def _text(folder: Path, key: str) -> str | None:
    """A file beside the one that names it, or one of those that are made for being named."""
    for path in (folder / key, NAMED / key):
        if path.is_file():
            return path.read_text("utf-8")
    return None
