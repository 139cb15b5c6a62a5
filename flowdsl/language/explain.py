"""The page of an error code or of a word of the language, as `flowdsl explain` prints it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from flowdsl.codes import Code
from flowdsl.language.parse.vocabulary import COMPANIONS
from flowdsl.language.parse.workflow import VERBS
from flowdsl.plan.words import like

CODES = tuple(code.value for code in Code)
_PAGES = (
    *("flowdsl", "name", "description", "timeout", "inputs", "services", "defaults", "steps"),
    *("on_failure", "outputs", "id", "when", "critical", "after", "call", "query", "headers"),
    *("body", "retry", "expect", "confirm", "compensate", "probe", "commit", "idempotency"),
    *("settle", "for_each", "collect", "max_parallel", "fallback", "trigger", "key"),
    *("holds_for", "max_concurrent", "openapi", "strict"),
    *(verb for verb in VERBS if verb not in ("call", "steps")),
)
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
    elif name not in _PAGES:
        return None
    return files("flowdsl.language").joinpath("pages", f"{name}.md").read_text("utf-8")


def heading(code: str) -> str:
    """What a code means, in a few words."""
    page = explain(code)
    assert page is not None, code
    found = re.match(r"# F\d{3}: (.*?)( \((?:error|warning|hint)\))?\n", page)
    assert found is not None, code
    return found[1]


def words() -> tuple[str, ...]:
    """Everything that can be explained."""
    return (*CODES, *_PAGES, *_SEE)


def nearest(word: str) -> str | None:
    return like(word, words())
