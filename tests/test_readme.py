"""README.md and docs/*.md are true: their files are sound, their commands print what they say, what they name exists.

`make bless` puts down what the commands print now; read the difference before you keep it.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click import Command, Context, Group

from flowdsl.cli.group import flowdsl
from flowdsl.codes import Code
from flowdsl.language import Library, Source, check
from tests.readme.document import PAGES, ROOT, Fence, fences_of, same, typed
from tests.readme.follow import follow, rewritten
from tests.readme.normal import normal
from tests.readme.terminal import screen

EVERY_PAGE = (*PAGES, "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
WORKFLOWS = [fence for page in PAGES for fence in fences_of(page) if "flowdsl: 1" in fence.text]
CONSOLES = [fence for page in PAGES for fence in fences_of(page) if fence.language == "console"]
REFUSED_BY_NAME = {"test", "prove", "serve"}


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def place(fence: Fence) -> str:
    return fence.place


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_prints_what_the_page_says(page: str, *, full: bool) -> None:
    """Those of the README are typed as they stand; those of the others need not load everything anew each time."""
    is_warm = not full and page != "README.md"
    told = follow(page, text_of(page), is_warm=is_warm)
    wrong = [str(said) for said in told if not said.is_true]
    assert not wrong, "\n\n".join(wrong) + "\n\nsee `make bless`"


def library_of(page: str) -> Library:
    """The other files that the page has written down, by name."""
    named = [fence for fence in fences_of(page) if fence.language == "yaml" and fence.words]
    return Library({fence.words[0]: fence.text for fence in named})


@pytest.mark.parametrize("fence", WORKFLOWS, ids=place)
def test_every_workflow_of_a_page_is_sound_unless_it_is_bad_on_purpose(fence: Fence) -> None:
    assert fence.language == "yaml", f"{fence.place}: a workflow is ```yaml NAME"
    assert fence.words, f"{fence.place}: a workflow has a name: ```yaml NAME"
    errors = [
        str(each)
        for each in check(Source(fence.words[0], fence.text), library_of(fence.page)).diagnostics
        if each.severity == "error"
    ]
    assert bool(errors) == ("bad" in fence.words), errors


@pytest.mark.parametrize("fence", WORKFLOWS, ids=place)
def test_a_workflow_with_the_name_of_a_shipped_one_is_that_one(fence: Fence) -> None:
    shipped = ROOT / fence.words[0]
    if shipped.exists():
        assert fence.text == shipped.read_text("utf-8")
    else:
        assert "/" not in fence.words[0], f"{fence.place}: no such file is shipped"


def test_other_yaml_is_yaml_and_what_it_runs_exists() -> None:
    others = [
        fence
        for page in PAGES
        for fence in fences_of(page)
        if fence.language == "yaml" and fence not in WORKFLOWS
    ]
    assert others
    for fence in others:
        steps = yaml.safe_load(fence.text)
        for line in (step["run"] for step in steps if "run" in step):
            if line.startswith("flowdsl "):
                assert_can_be_typed(fence.place, line)


@pytest.mark.parametrize("fence", CONSOLES, ids=place)
def test_every_command_of_a_page_is_one(fence: Fence) -> None:
    for each in typed(fence):
        for line in re.findall(r"\bflowdsl [a-z]+[^|>&]*", each.command):
            assert_can_be_typed(f"{fence.page}:{each.line}", line)


def commands() -> dict[str, Command]:
    assert isinstance(flowdsl, Group)
    context = Context(flowdsl)
    found = {name: flowdsl.get_command(context, name) for name in flowdsl.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def assert_can_be_typed(where: str, line: str) -> None:
    name, *words = shlex.split(line)[1:]
    known = commands()
    assert name in known, f"{where}: no command `{name}`"
    flags = {flag for parameter in known[name].params for flag in parameter.opts} | {"--help"}
    used = {word.partition("=")[0] for word in words if re.match(r"-[a-z]$|--[a-z]", word)}
    assert used <= flags, f"{where}: {name} has no {used - flags}"


def test_every_command_has_a_place_in_the_readme() -> None:
    readme = text_of("README.md")
    assert [name for name in commands() if f"| `flowdsl {name}` |" not in readme] == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_command_named_in_prose_exists_or_is_said_to_come(page: str) -> None:
    named = set(re.findall(r"`flowdsl ([a-z]+)[^`]*`", text_of(page)))
    assert named <= set(commands()) | REFUSED_BY_NAME
    if page == "README.md":
        assert not set(commands()) & REFUSED_BY_NAME, "it is there now: say so"
        line = next(line for line in text_of(page).splitlines() if line.startswith("Not there yet"))
        assert all(f"`flowdsl {name}`" in line for name in REFUSED_BY_NAME)


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    missing = []
    for link in inside:
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            missing.append(link)
    assert missing == []


def anchors(path: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_make_target_that_is_named_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", text_of(page), re.MULTILINE))
    assert named <= targets
    if page == "README.md":
        assert {"demo", "test", "full", "bench"} <= named


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_code_that_is_named_can_be_explained(page: str) -> None:
    assert set(re.findall(r"\bF\d{3}\b", text_of(page))) <= {*Code}


def test_the_readme_gives_every_promise_once_and_in_order() -> None:
    promises = re.findall(r"^\| P(\d+) \|", text_of("README.md"), re.MULTILINE)
    assert promises == [str(number) for number in range(1, 17)]


SMALL = """\
```yaml one.yaml
flowdsl: 1
services:
  flights: http://localhost:9000/flights
steps:
  - call: GET flights/search
```

```console
$ flowdsl run one.yaml --id one
{said}
```
"""


def test_a_page_that_is_wrong_is_found_and_put_right() -> None:
    page = SMALL.format(said="✓ succeeded  two")
    right = rewritten("small.md", page)
    assert "✓ succeeded  one  one  in " in right
    assert all(said.is_true for said in follow("small.md", right, is_warm=True))
    assert rewritten("small.md", right) == right


@pytest.mark.parametrize(
    ("said", "printed", "is_same"),
    [
        ("a\nb", "a\nb", True),
        ("a", "a\nb", False),
        ("", "a", False),
        ("a", "", False),
        ("…", "", True),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nb\nc", False),
        ("…\nb\n…", "a\nb\nb\nc", True),
        ("…\nx\n…", "a\nb", False),
        ("long and l…", "long a…", True),
        ("long and l…", "short a…", False),
        ("long and l…", "long and long", True),
        ("long and long", "long and l…", True),
        ("long and l…", "long and", False),
        ("long and l…", "long and quick", False),
        ("l…", "long and longer and longer", False),
    ],
)
def test_a_page_may_leave_lines_out_but_not_change_them(
    said: str, printed: str, is_same: bool
) -> None:
    assert same(tuple(said.splitlines()), tuple(printed.splitlines())) is is_same


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("✓ hold  201  31ms    I-1", "✓ hold  201  1.2s   I-1", True),
        ("trip-abcdefghij  in 31ms", "trip-2345672345  in 4s", True),
        ("started  2026-11-23 01:15:13", "started  2025-01-02 11:00:00", True),
        ("order  one  just now", "order  one  3s ago", True),
        ("file  a.yaml @ 09d3938", "file  a.yaml @ 1234567", True),
        ("── commit ─────", "── commit ───────", True),
        ("✓ hold  201  31ms    I-1", "✓ hold  201  31ms    I-2", False),
        ("  hold", "hold", False),
        ("1 of 1 step undone", "1 of 2 steps undone", False),
    ],
)
def test_only_what_differs_from_run_to_run_is_made_the_same(
    one: str, other: str, is_same: bool
) -> None:
    assert (normal([one]) == normal([other])) is is_same


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("one\r\ntwo\r\n", "one\ntwo"),
        ("one\r\ntwo\r\x1b[2K\x1b[1A\x1b[2Kthree\r\n", "three"),
        ("12345\rab\r\n", "ab345"),
        ("\x1b[?25l\x1b[1;31mred\x1b[0m\x1b[?25h\r\n", "red"),
        ("a\nb\r\n", "a\n b"),
    ],
)
def test_the_screen_shows_what_a_terminal_shows(sent: str, seen: str) -> None:
    assert screen(sent) == seen
