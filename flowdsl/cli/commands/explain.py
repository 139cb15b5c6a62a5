"""`flowdsl explain`: what an error code or a key of the language means, from the pages that come with flowdsl."""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib.resources import files

import click

from flowdsl.cli.codes import CODES
from flowdsl.cli.options import Session, with_session
from flowdsl.errors import InputError

PAGES = files("flowdsl.language").joinpath("pages")
SUFFIX = ".md"


@click.command("explain")
@click.argument("name", metavar="CODE|KEY")
@with_session
def command(session: Session, name: str) -> int:
    """What an error code (F012) or a key of the language (retry) means."""
    title, text = find_page(name)
    if session.json:
        from flowdsl.plan.json import to_text

        session.screen.result(to_text({"format": 1, "name": title, "text": text}))
    else:
        session.screen.result(text)
    return 0


def find_page(name: str) -> tuple[str, str]:
    """The page's own name and its text. Raises InputError that names what is close."""
    known = {word.lower(): word for word in (*page_names(), *CODES)}
    wanted = name.lower()
    if re.fullmatch(r"\d{1,3}", wanted):
        wanted = f"f{wanted.zfill(3)}"
    if wanted not in known:
        close = get_close_matches(wanted, known, n=1, cutoff=0.5)
        keys = ", ".join(word for word in sorted(known) if not re.fullmatch(r"f\d+", word))
        hint = f"did you mean `{known[close[0]]}`?\n" if close else ""
        raise InputError(
            f"no page `{name[:60]}`",
            code="F078",
            help=f"{hint}codes are F001 to F209; keys: {keys or 'none'}",
        )
    title = known[wanted]
    if title in CODES and title not in page_names():
        head, text = CODES[title]
        return title, f"{title}  {head}\n\n{text}\n"
    return title, PAGES.joinpath(title + SUFFIX).read_text(encoding="utf-8")


def page_names() -> list[str]:
    if not PAGES.is_dir():
        return []
    return sorted(p.name.removesuffix(SUFFIX) for p in PAGES.iterdir() if p.name.endswith(SUFFIX))
