"""Words that every message uses: the name that was probably meant, and several in a row."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

WORDS_MAX = 1000  # that a name is compared with: data may decide how many there are
CHARACTERS_MAX = 100  # of each
LISTED_MAX = 12


def like(word: str, words: Iterable[str], *, at_least: float = 0.6) -> str | None:
    """The one of `words` that `word` was probably meant to be."""
    known = [other for other in islice(words, WORDS_MAX) if len(other) <= CHARACTERS_MAX]
    close = difflib.get_close_matches(word[:CHARACTERS_MAX], known, 1, at_least)
    return close[0] if close else None


def did_you_mean(
    word: str, words: Iterable[str], prefix: str = "", *, at_least: float = 0.6
) -> str:
    meant = like(word, words, at_least=at_least)
    return f"did you mean `{prefix}{meant}`?" if meant else ""


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a`, `b` and `c`: at most twelve, in their order."""
    known = [f"`{word}`" for word in words]
    if len(known) > LISTED_MAX:
        known = [*known[: LISTED_MAX - 1], f"{len(known) - LISTED_MAX + 1} more"]
    return (
        f" {last} ".join([", ".join(known[:-1]), known[-1]]) if len(known) > 1 else "".join(known)
    )
