"""`flowdsl explain`: what an error code or a word of the language means, from the pages that come with flowdsl."""

from __future__ import annotations

import re

import click

from flowdsl.cli.options import Session, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.plan.words import did_you_mean


@click.command("explain")
@click.argument("name", metavar="CODE|KEY")
@with_session
def command(session: Session, name: str) -> int:
    """What an error code (F012) or a key of the language (retry) means."""
    title, text = find_page(name)
    if session.json:
        session.screen.tell({"format": 1, "name": title, "text": text})
    else:
        session.screen.result(text)
    return 0


def find_page(name: str) -> tuple[str, str]:
    """The page's own name and its text. Raises InputError that names what is close."""
    from flowdsl.language.explain import explain, words

    wanted = re.sub(r"^[fF]?(\d{1,3})$", lambda found: f"F{found[1].zfill(3)}", name.strip())
    known = {word.lower(): word for word in words()}
    found = known.get(wanted.lower())
    text_of = explain(found) if found is not None else None
    if found is None or text_of is None:
        raise _no_page(name, [*known.values()])
    return found, text_of


def _no_page(name: str, known: list[str]) -> InputError:
    meant = did_you_mean(name, known, at_least=0.5)
    keys = ", ".join(sorted(word for word in known if not re.fullmatch(r"F\d+", word)))
    hint = f"{meant}\n" if meant else ""
    return InputError(
        f"no page `{name[:60]}`",
        code=Code.NO_PAGE,
        help=f"{hint}codes are F001 to F211; keys: {keys}",
    )
