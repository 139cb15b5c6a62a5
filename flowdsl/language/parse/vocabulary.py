"""The words of the language that the schema cannot say: what is reserved, what is not there yet."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
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
