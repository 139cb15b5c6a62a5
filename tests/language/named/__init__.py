"""The files that pages and golden workflows name, by the path that they name them by."""

from __future__ import annotations

from pathlib import Path

from flowdsl.language.text.library import Library

FOLDER = Path(__file__).parent
LIBRARY = Library({path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yaml"))})
