"""The page of an error code or of a word of the language, as `flowdsl explain` prints it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from flowdsl.codes import Code
from flowdsl.language.parse.vocabulary import COMPANIONS
from flowdsl.language.parse.workflow import VERBS
from flowdsl.plan.words import like

_PAGES = files("flowdsl.language").joinpath("pages")
CODES = tuple(code.value for code in Code)
# Words that are explained on the page of another.
_SEE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("attempts", "delay", "backoff", "max_delay"), "retry"),
        **dict.fromkeys(("ttl", "header", "format"), "idempotency"),
        **dict.fromkeys(("found", "result"), "probe"),
        **dict.fromkeys(("type", "default", "secret"), "inputs"),
        **dict.fromkeys(("url", "auth", "basic", "bearer", "user", "password"), "services"),
        "gone": "compensate",
        "tombstone": "settle",
        **dict.fromkeys(("quorum", "first_success", "settled"), "collect"),
        "event": "trigger",
        **{key: verb for key, verb in COMPANIONS.items() if verb in VERBS},
    }
)


def explain(word: str) -> str | None:
    """The text of the page, its title first; None where there is none."""
    name = _SEE.get(word, word)
    if name.upper() in CODES:
        name = name.upper()
    return _PAGES.joinpath(f"{name}.md").read_text("utf-8") if name in _pages() else None


@cache
def _pages() -> frozenset[str]:
    """Each code and each word has one."""
    return frozenset(path.name.removesuffix(".md") for path in _PAGES.iterdir())


def heading(code: str) -> str:
    """What a code means, in a few words."""
    page = explain(code)
    assert page is not None, code
    found = re.match(r"# F\d{3}: (.*?)( \((?:error|warning|hint)\))?\n", page)
    assert found is not None, code
    return found[1]


def words() -> tuple[str, ...]:
    """Everything that can be explained."""
    return (*CODES, *sorted(_pages() - {*CODES}), *_SEE)


def nearest(word: str) -> str | None:
    return like(word, words())
