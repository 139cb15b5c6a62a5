"""A page as what can be done with it: files to write down and commands to type, in the order of the page.

```yaml order.yaml        a complete file, written under that name; `bad` after the name: it has errors, on purpose
```console                `$ ` begins a command, what stands below it is what it prints; a line `…` leaves some out
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")),
)
FENCE = re.compile(r"^```(?P<info>\S.*)\n(?P<text>(?s:.*?))^```$", re.MULTILINE)
ELIDED = "…"
SLACK = 12  # as far as columns are pushed by durations


@dataclass(frozen=True, slots=True)
class Fence:
    page: str
    line: int  # of its first line, counted from 1
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.split()[0]

    @property
    def words(self) -> list[str]:
        return self.info.split()[1:]

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Typed:
    """A command and what the page says it prints."""

    command: str
    output: tuple[str, ...]
    line: int


def fences(page: str, text: str) -> list[Fence]:
    return [
        Fence(page, text.count("\n", 0, found.start("text")) + 1, found["info"], found["text"])
        for found in FENCE.finditer(text)
    ]


def fences_of(page: str) -> list[Fence]:
    return fences(page, (ROOT / page).read_text("utf-8"))


def typed(fence: Fence) -> Iterator[Typed]:
    current: Typed | None = None
    for number, line in enumerate(fence.text.splitlines(), fence.line):
        if line.startswith("$ "):
            if current is not None:
                yield current
            current = Typed(line[2:], (), number)
        elif current is None:
            raise ValueError(f"{fence.page}:{number}: output of no command")
        elif not current.output and current.command.endswith("\\"):
            current = replace(current, command=current.command + "\n" + line)
        else:
            current = replace(current, output=(*current.output, line))
    if current is not None:
        yield current


def same(said: tuple[str, ...], printed: tuple[str, ...]) -> bool:
    """Whether the page says what was printed; both normalised. `…` stands for any number of lines."""
    if not said:
        return not printed
    if said[0] == ELIDED:
        return any(same(said[1:], printed[start:]) for start in range(len(printed) + 1))
    return bool(printed) and same_line(said[0], printed[0]) and same(said[1:], printed[1:])


def same_line(said: str, printed: str) -> bool:
    """How much of a line is cut off its end (`…`) depends on the columns before it, and so on how long things took."""
    if said == printed:
        return True
    if not any(line.endswith(ELIDED) for line in (said, printed)):
        return False
    shorter, longer = sorted((said.removesuffix(ELIDED), printed.removesuffix(ELIDED)), key=len)
    is_cut = f"{shorter}{ELIDED}" in (said, printed)
    return is_cut and longer.startswith(shorter.rstrip()) and len(longer) - len(shorter) <= SLACK
