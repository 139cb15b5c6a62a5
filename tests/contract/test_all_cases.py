"""All 68 cases of the contract are here, by their numbers, and those that do not apply say why."""

from __future__ import annotations

import ast

from tests.conftest import Counts
from tests.contract.cases import LAST, all_tests, is_case, numbers_of, why_not_crashed
from tests.contract.not_yet import NOT_YET

CRASHES = {"crash_everywhere", "cut_everywhere"}


def test_every_number_is_a_case_or_says_why_it_is_none(counts: Counts) -> None:
    known = {number for test in all_tests() for number in numbers_of(test.name)}
    lacking = {int(case.removeprefix("C")) for case in NOT_YET}
    assert known | lacking == set(range(1, LAST + 1))
    assert known & lacking == set(), "it is a test, and is said not to apply"
    assert all(why for why, _, _ in NOT_YET.values())
    counts.add("cases of the contract", len(known))


def test_every_case_is_crashed_or_says_in_one_line_why_not() -> None:
    """What it says of itself; `conftest.py` looks whether it was."""
    for test in filter(lambda each: is_case(each.name), all_tests()):
        crashed = bool(CRASHES & {*_called_in(test)}) or "TALLY" in ast.unparse(test)
        assert crashed != bool(why_not_crashed(ast.get_docstring(test) or "")), test.name


def test_no_story_is_told_without_being_judged() -> None:
    """`tell` tells a story; `play`, `crash_everywhere` and `cut_everywhere` look whether its faults struck, too."""
    unjudged = [test.name for test in all_tests() if "tell" in _called_in(test)]
    assert unjudged == []


def _called_in(test: ast.FunctionDef) -> list[str]:
    calls = (node.func for node in ast.walk(test) if isinstance(node, ast.Call))
    return [
        function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        for function in calls
    ]
