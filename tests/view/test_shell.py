"""A word that was copied from the screen is the word that was meant."""

from __future__ import annotations

import os
import subprocess

import pytest

from flowdsl.view.paint import visible
from flowdsl.view.shell import shell_word


@pytest.mark.parametrize(
    "text",
    [
        "plain.yaml", "two words", "it's", "", "$x`y`", "größe-🚲", "a\x1b[31m", "a\nb'c\\d", "a\u202eb",
        os.fsdecode(b"a\xff.yaml"), os.fsdecode(b"\xe4'\\\x7f"),
    ],
)  # fmt: skip
def test_bash_reads_it_as_it_was(text: str) -> None:
    word = shell_word(text)
    assert visible(word) == word
    echoed = subprocess.run(
        ["bash", "-c", f"printf %s {word}"], capture_output=True, check=True, timeout=30
    )
    assert echoed.stdout == os.fsencode(text)
