"""Bugs that let a secret through."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from msgspec.structs import replace

from flowdsl.cli import bug
from flowdsl.engine.contracts import AnswerContracts
from flowdsl.engine.masks import Masks
from flowdsl.plan.json import from_bytes, to_text
from flowdsl.plan.nodes import Action
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga import masking
from flowdsl.saga.events import Done, Event
from flowdsl.saga.masking import Change
from flowdsl.saga.observation import Answer, Observation
from flowdsl.world.network.connection import IncomingAnswer
from flowdsl.world.secrets.redaction import Redaction
from flowdsl.world.secrets.spellings import Read, Sought
from flowdsl.world.store.disk import RealDisk
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


def in_one_piece(value: str) -> Iterator[str]:
    yield from ()


def letter_by_letter(character: str) -> list[str]:
    return [character]


def always_in_doubt(self: Sought, read: Read) -> bool:
    return True


_over_data = masking.over_data


def answers_as_marks(
    self: AnswerContracts, action: Action, request: Request, seen: Observation
) -> Observation:
    """Masks what is judged: the mistake that this area once was."""
    clean = Redaction(dict.fromkeys(("T",), "test"), b"key")
    if isinstance(seen, Answer):
        return replace(seen, body=from_bytes(to_text(clean.value(seen.body))))
    return seen


def values_only(self: Redaction, value: dict[str, Json]) -> Json:
    return {name: self.value(item) for name, item in value.items()}


def texts_only(self: Redaction, number: Json) -> Json:
    return number


def nothing_is_masked(self: Masks, event: Event) -> Event:
    return event


def believes_any_reference(self: Redaction, text: str) -> str:
    return "the same for all"


def never_looked_for(self: Redaction, text: str) -> None:
    return None


def as_it_is_stored(self: Masks, past: Iterable[Event]) -> tuple[tuple[Event, ...], frozenset[str]]:
    """The marks are taken for the data."""
    return tuple(past), frozenset()


def places_are_data(event: Event, change: Change) -> Event:
    if isinstance(event, Done):
        return replace(event, value=change.value(event.value))
    return _over_data(event, change)


WHERE = "flowdsl.world.secrets.redaction"
SPELLINGS = "flowdsl.world.secrets.spellings"
HERE = "tests/world/secrets/test_redaction.py::"
FORMS = HERE + "test_every_form_is_taken_out"

MASKS = "flowdsl.engine.masks.Masks"
DATA = "tests/hostile/test_secrets_as_data.py::"
CANARY = "tests/hostile/test_secrets.py::test_no_secret_is_kept_or_shown_however_a_run_ends"


def with_its_message(error: BaseException, arguments: list[str]) -> str:
    return f"{_report(error, arguments)}\n{error}"


def what_came_is_quoted(self: IncomingAnswer, data: bytes) -> None:
    _feed(self, data)
    if self._garbled:
        self._broken = f"{self._broken}: {data!r}"


def as_the_umask_says(self: RealDisk, path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o666)


_report, _feed = bug.report, IncomingAnswer.feed

EXHIBITS = (
    Exhibit("an answer is kept as it came", MASKS + ".mask", nothing_is_masked, f"{CANARY}[ok]"),
    Exhibit("what is judged is masked", "flowdsl.engine.contracts.AnswerContracts.look_at", answers_as_marks, DATA + "test_what_is_judged_sent_and_undone_is_what_the_service_said"),
    Exhibit("marks are taken for data after a crash", MASKS + ".open", as_it_is_stored, DATA + "test_after_a_crash_the_values_are_there_again"),
    Exhibit("the branch that was taken is masked as data", ("flowdsl.engine.masks.over_data",), places_are_data, "tests/engine/test_masks.py::test_the_branch_that_was_taken_is_no_data"),
    Exhibit("any reference is filled in", f"{WHERE}.Redaction.seal", believes_any_reference, HERE + "test_with_another_secret_nothing_is_opened_and_it_is_said_which"),
    Exhibit("a secret of before is not looked for", f"{WHERE}.Redaction._older_one", never_looked_for, HERE + "test_a_secret_of_before_is_known_by_its_length_and_its_seal"),
    Exhibit("what was not HTTP is quoted", "flowdsl.world.network.connection.IncomingAnswer.feed", what_came_is_quoted, f"{CANARY}[broken]"),
    Exhibit("the umask decides who may read the store", "flowdsl.world.store.disk.RealDisk.create", as_the_umask_says, "tests/hostile/test_secrets.py::test_the_store_is_the_owners_alone_whatever_the_umask"),
    Exhibit("the report of a bug says what the exception says", "flowdsl.cli.bug.report", with_its_message, "tests/hostile/test_secrets.py::test_a_bug_in_flowdsl_is_reported_without_them"),
    Exhibit("a secret is sought as it is written", f"{SPELLINGS}._escaped_forms", as_it_is_written, FORMS),
    Exhibit("a secret is sought in one of its JSON spellings", f"{SPELLINGS}._escaped_forms", in_one_json_spelling, FORMS),
    Exhibit("a quick look that sees only what is plain", f"{SPELLINGS}.Sought.may_stand_in", never_in_doubt, HERE + "test_the_quick_look_misses_nothing_that_the_thorough_one_finds"),
    Exhibit("a secret is sought percent-encoded in capitals", f"{SPELLINGS}._percent_forms", percent_in_capitals, FORMS),
    Exhibit("a secret is sought at one place of base64", f"{SPELLINGS}._base64_forms", base64_at_the_beginning, HERE + "test_basic_auth_with_the_secret_inside_is_taken_out_whole"),
    Exhibit("all text is searched thoroughly", f"{SPELLINGS}.Sought.may_stand_in", always_in_doubt, HERE + "test_much_text_without_a_secret_is_looked_at_once"),
    Exhibit("a secret is left in the names of fields", f"{WHERE}.Redaction._object", values_only, HERE + "test_values_are_cleaned_wherever_they_stand"),
    Exhibit("a secret is sought with the blanks around it", f"{WHERE}._parts", in_one_piece, HERE + "test_a_service_that_trims_what_it_was_given_hides_nothing"),
    Exhibit("a secret that is JSON is sought as a whole", f"{WHERE}._parts", in_one_piece, HERE + "test_what_stands_within_a_secret_that_is_json_is_secret"),
    Exhibit("large letters and small ones are different secrets", f"{SPELLINGS}._cases", letter_by_letter, HERE + "test_large_letters_and_small_ones_hide_nothing"),
    Exhibit("a secret is left where it is a number", f"{WHERE}.Redaction._number", texts_only, HERE + "test_values_are_cleaned_wherever_they_stand"),
)  # fmt: skip
