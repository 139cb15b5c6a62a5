"""Bugs that let a secret through."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from flowdsl.cli import bug
from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Observation
from flowdsl.world.disk import RealDisk
from flowdsl.world.redaction import Redaction
from flowdsl.world.spellings import Read, Sought
from tests.museum.exhibit import Exhibit


def as_it_is_written(value: str) -> Iterator[str]:
    yield re.escape(value)


def in_one_json_spelling(value: str) -> Iterator[str]:
    yield re.escape(json.dumps(value)[1:-1])


def never_in_doubt(self: Sought, read: Read) -> bool:
    return any(value in read.text for value in self._plain)


def percent_in_capitals(value: str) -> Iterator[str]:
    yield re.escape(quote(value, safe=""))


def base64_at_the_beginning(value: str) -> Iterator[str]:
    yield re.escape(base64.b64encode(value.encode()).decode().rstrip("="))


def bodies_only(self: Redaction, observation: Observation) -> Observation:
    if isinstance(observation, Answer):
        clean = _observation(self, observation)
        assert isinstance(clean, Answer)
        return Answer(observation.status, observation.headers, clean.body, clean.problem)
    return observation


def values_only(self: Redaction, value: Json) -> Json:
    if isinstance(value, dict):
        return {name: values_only(self, item) for name, item in value.items()}
    if isinstance(value, list):
        return [values_only(self, item) for item in value]
    return _json(self, value)


def in_one_piece(value: str) -> Iterator[str]:
    yield from ()


def letter_by_letter(character: str) -> list[str]:
    return [character]


def texts_only(self: Redaction, number: Json) -> Json:
    return number


def names_are_harmless(self: Redaction, name: str) -> bool:
    return False


def always_in_doubt(self: Sought, read: Read) -> bool:
    return True


_observation, _json = Redaction.observation, Redaction.json
WHERE = "flowdsl.world.redaction"
SPELLINGS = "flowdsl.world.spellings"
HERE = "tests/world/test_redaction.py::"
FORMS = HERE + "test_every_form_is_taken_out"

CANARY = "tests/hostile/test_secrets.py::test_no_secret_is_kept_or_shown_however_a_run_ends"


def nothing_is_taken_out(self: Redaction, observation: Observation) -> Observation:
    return observation


def with_its_message(error: BaseException, arguments: list[str]) -> str:
    return f"{_report(error, arguments)}\n{error}"


def as_it_was_quoted(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)


def as_the_umask_says(self: RealDisk, path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o666)


_report = bug.report

EXHIBITS = (
    Exhibit("an answer is kept as it came", f"{WHERE}.Redaction.observation", nothing_is_taken_out, f"{CANARY}[ok]"),
    Exhibit("what was no HTTP is quoted", "flowdsl.world.wire._why", as_it_was_quoted, f"{CANARY}[broken]"),
    Exhibit("the umask decides who may read the store", "flowdsl.world.disk.RealDisk.create", as_the_umask_says, "tests/hostile/test_secrets.py::test_the_store_is_the_owners_alone_whatever_the_umask"),
    Exhibit("the report of a bug says what the exception says", "flowdsl.cli.bug.report", with_its_message, "tests/hostile/test_secrets.py::test_a_bug_in_flowdsl_is_reported_without_them"),
    Exhibit("a secret is sought as it is written", f"{SPELLINGS}._escaped_forms", as_it_is_written, FORMS),
    Exhibit("a secret is sought in one of its JSON spellings", f"{SPELLINGS}._escaped_forms", in_one_json_spelling, FORMS),
    Exhibit("a quick look that sees only what is plain", f"{SPELLINGS}.Sought.may_stand_in", never_in_doubt, HERE + "test_the_quick_look_misses_nothing_that_the_thorough_one_finds"),
    Exhibit("a secret is sought percent-encoded in capitals", f"{SPELLINGS}._percent_forms", percent_in_capitals, FORMS),
    Exhibit("a secret is sought at one place of base64", f"{SPELLINGS}._base64_forms", base64_at_the_beginning, HERE + "test_basic_auth_with_the_secret_inside_is_taken_out_whole"),
    Exhibit("a secret is left in headers and reasons", f"{WHERE}.Redaction.observation", bodies_only, HERE + "test_observations_are_cleaned"),
    Exhibit("a secret is left in the name of a header", f"{WHERE}.Redaction._is_in_name", names_are_harmless, HERE + "test_a_header_with_a_secret_in_its_name_is_left_out"),
    Exhibit("all text is searched thoroughly", f"{SPELLINGS}.Sought.may_stand_in", always_in_doubt, HERE + "test_much_text_without_a_secret_is_looked_at_once"),
    Exhibit("a secret is left in the names of fields", f"{WHERE}.Redaction.json", values_only, HERE + "test_values_are_cleaned_wherever_they_stand"),
    Exhibit("a secret is sought with the blanks around it", f"{WHERE}._parts", in_one_piece, HERE + "test_a_service_that_trims_what_it_was_given_hides_nothing"),
    Exhibit("a secret that is JSON is sought as a whole", f"{WHERE}._parts", in_one_piece, HERE + "test_what_stands_within_a_secret_that_is_json_is_secret"),
    Exhibit("large letters and small ones are different secrets", f"{SPELLINGS}._cases", letter_by_letter, HERE + "test_large_letters_and_small_ones_hide_nothing"),
    Exhibit("a secret is left where it is a number", f"{WHERE}.Redaction._number", texts_only, HERE + "test_values_are_cleaned_wherever_they_stand"),
)  # fmt: skip
