"""The words of the language that the schema cannot say: what is reserved, what is not there yet."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from types import MappingProxyType

from flowdsl.plan.address import COMMIT, CONFIRMS, ON_FAILURE

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
SNAKE_CASE = re.compile(r"[a-z_][a-z0-9_]*")

# The last three are addresses of the plan's own nodes.
RESERVED = frozenset(
    [
        "inputs",
        "env",
        "secrets",
        "steps",
        "run",
        "error",
        "probe",
        COMMIT,
        CONFIRMS,
        ON_FAILURE,
    ]
)
WORDS_OF_EXPRESSIONS = frozenset([*keyword.kwlist, "true", "false", "null"])

WORDS_MAX = 1000

FIELDS_OF_A_STEP = ("status", "headers", "key", "error")
FIELDS_OF_ITEMS = ("item", "items")  # beside those, of a `for_each`

# Keys that only come with one of these, which is missed where it is not there. Those of a verb are explained with it.
COMPANIONS: Mapping[str, str] = MappingProxyType(
    {
        "collect": "for_each",
        "max_parallel": "for_each",
        "schema": "wait_for",
        "data": "emit",
        "with": "uses",
        "detach": "uses",
    }
)


def like(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was probably meant to be. The first thousand are looked at."""
    close = get_close_matches(word, list(islice(words, WORDS_MAX)), n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, words: Iterable[str]) -> str:
    meant = like(word, words)
    return f"did you mean `{meant}`?" if meant else ""


def listed(words: Iterable[str]) -> str:
    """`a`, `b` and `c`: at most twelve, in their order."""
    known = [f"`{word}`" for word in words]
    if len(known) > 12:
        known = [*known[:11], f"{len(known) - 11} more"]
    return " and ".join([", ".join(known[:-1]), known[-1]]) if len(known) > 1 else "".join(known)
