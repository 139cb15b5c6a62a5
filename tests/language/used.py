"""A library filled from disk, as a command line fills it: whatever a file names, and what that names."""

from __future__ import annotations

from pathlib import Path

from flowdsl.language import Library, Source, paths_named


def library_for(path: Path) -> Library:
    """Keys are relative to the folder of the file, which is its source by name alone."""
    texts: dict[str, str] = {}
    why: dict[str, str] = {}
    still_open = [Source(path.name, path.read_text("utf-8"))]
    while still_open:
        for key in paths_named(still_open.pop()):
            if key in texts or key in why:
                continue
            try:
                texts[key] = (path.parent / key).read_text("utf-8")
                still_open.append(Source(key, texts[key]))
            except FileNotFoundError:
                why[key] = "there is no such file"
    return Library(texts, why)
