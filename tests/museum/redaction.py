"""Bugs that let a secret through."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote

from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Observation
from flowdsl.world.redaction import Redaction
from tests.museum.exhibit import Exhibit


def as_it_is_written(value: str) -> Iterator[str]:
    yield re.escape(value)


def in_one_json_spelling(value: str) -> Iterator[str]:
    yield from {re.escape(value), re.escape(json.dumps(value)[1:-1])}


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


def texts_only(self: Redaction, number: Json) -> Json:
    return number


_observation, _json = Redaction.observation, Redaction.json
WHERE = "flowdsl.world.redaction"
HERE = "tests/world/test_redaction.py::"
FORMS = HERE + "test_every_form_is_taken_out"

EXHIBITS = (
    Exhibit("a secret is sought as it is written", f"{WHERE}._literal_forms", as_it_is_written, FORMS),
    Exhibit("a secret is sought in one of its JSON spellings", f"{WHERE}._literal_forms", in_one_json_spelling, FORMS),
    Exhibit("a secret is sought percent-encoded in capitals", f"{WHERE}._percent_forms", percent_in_capitals, FORMS),
    Exhibit("a secret is sought at one place of base64", f"{WHERE}._base64_forms", base64_at_the_beginning, HERE + "test_basic_auth_with_the_secret_inside_is_taken_out_whole"),
    Exhibit("a secret is left in headers and reasons", f"{WHERE}.Redaction.observation", bodies_only, HERE + "test_observations_are_cleaned"),
    Exhibit("a secret is left in the names of fields", f"{WHERE}.Redaction.json", values_only, HERE + "test_values_are_cleaned_wherever_they_stand"),
    Exhibit("a secret is left where it is a number", f"{WHERE}.Redaction._number", texts_only, HERE + "test_values_are_cleaned_wherever_they_stand"),
)  # fmt: skip
