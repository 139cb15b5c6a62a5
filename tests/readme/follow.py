"""Follows a page from top to bottom and says where it is wrong."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from tests.readme.document import ROOT, Fence, Typed, fences, same, typed
from tests.readme.normal import normal
from tests.readme.session import Session, session


@dataclass(frozen=True, slots=True)
class Said:
    """What one command of the page is said to print, and what it printed."""

    page: str
    typed: Typed
    printed: tuple[str, ...]

    @property
    def is_true(self) -> bool:
        return same(normal(self.typed.output), normal(self.printed))

    def __str__(self) -> str:
        difference = unified_diff(
            normal(self.typed.output), normal(self.printed), "the page", "the terminal", lineterm=""
        )
        return "\n".join((f"{self.page}:{self.typed.line}: $ {self.typed.command}", *difference))


def follow(page: str, text: str, *, is_warm: bool = False) -> list[Said]:
    made = tempfile.TemporaryDirectory(prefix="flowdsl-page-")
    with made as folder, session(Path(folder), is_warm=is_warm) as person:
        return [said for fence in fences(page, text) for said in _do(person, fence)]


def _do(person: Session, fence: Fence) -> list[Said]:
    match fence.language, fence.words:
        case "yaml" | "json", [name, *_]:
            person.write(name, fence.text)
        case "console", []:
            return [
                Said(fence.page, each, tuple(person.type(each.command))) for each in typed(fence)
            ]
    return []


def rewritten(page: str, text: str) -> str:
    """The page with what its commands print now. An output that is true stays, whatever its times were."""
    lines = text.splitlines()
    for said in reversed(follow(page, text)):
        if not said.is_true:
            start = said.typed.line + said.typed.command.count("\n")
            lines[start : start + len(said.typed.output)] = _printed(said)
    return "\n".join(lines) + "\n"


def _printed(said: Said) -> list[str]:
    """With the blank lines that the page had around the old output."""
    old = said.typed.output
    before = 1 if old and not old[0] else 0
    after = 1 if len(old) > 1 and not old[-1] else 0
    return [""] * before + list(said.printed) + [""] * after


def rewrite(page: str) -> bool:
    """Whether anything had to change."""
    path = ROOT / page
    old = path.read_text("utf-8")
    new = rewritten(page, old)
    path.write_text(new, "utf-8")
    return new != old
