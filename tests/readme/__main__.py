"""`python -m tests.readme [--write] [PAGE…]`: follow the pages; with --write, put down what their commands print now."""

from __future__ import annotations

import sys

from tests.readme.document import PAGES, ROOT
from tests.readme.follow import follow, rewrite


def main(words: list[str]) -> int:
    pages = [word for word in words if not word.startswith("-")] or list(PAGES)
    wrong = 0
    for page in pages:
        if "--write" in words:
            sys.stdout.write(f"{page}: {'rewritten' if rewrite(page) else 'true'}\n")
            continue
        for said in follow(page, (ROOT / page).read_text("utf-8")):
            if not said.is_true:
                wrong += 1
                sys.stdout.write(f"{said}\n\n")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
