"""Keys and seals of a run, made with the key of its store.

A key is the same for every attempt of a call, over crashes and resumes, and nobody can guess it. A seal is the mark of
a body with its secrets in place: if a secret changes, the same bytes cannot be sent again, and the seal shows it.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from collections.abc import Mapping

from msgspec import Struct

from flowdsl.plan.address import CallId, direction_of, step_of
from flowdsl.plan.json import to_bytes
from flowdsl.plan.request import Request
from flowdsl.plan.values import Secret

EVENT_CHARACTERS = 16
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)  # of ten bits each


def event_run(key: bytes, workflow: str, source: str, event: str) -> str:
    """The id of the run that a CloudEvent starts: `<workflow>-<16 of a-z2-7>`, the same whenever it is delivered."""
    digest = hmac.digest(key, to_bytes([source, event]), "sha256")
    letters = b32encode(digest).decode().lower()[:EVENT_CHARACTERS]
    return f"{plain_name(workflow, 63 - EVENT_CHARACTERS)}-{letters}"


def plain_name(workflow: str, most: int) -> str:
    """The name of a workflow as an id may begin with it."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", workflow)[:most].lstrip("._-") or "run"


class RunSigner(Struct, frozen=True):
    """`secret` is the key of the store; `values` are the secrets by name."""

    secret: bytes
    run: str
    values: Mapping[str, str]

    def key(self, call: CallId) -> str:
        name = f"{self.run}/{step_of(call)}//{direction_of(call)}"
        digest = hmac.digest(self.secret, name.encode(), "sha256")
        return "fd1-" + _letters(digest)

    def seal(self, request: Request) -> str:
        parts = request.body or ()
        if not any(isinstance(part, Secret) for part in parts):
            return ""
        text = "".join(
            self.values.get(part.name, "") if isinstance(part, Secret) else part for part in parts
        )
        return hmac.digest(self.secret, text.encode(), "sha256").hex()


def _letters(digest: bytes) -> str:
    """The first 40 letters of its base32, in lower case; `b32encode` takes five times as long, once a call."""
    number = int.from_bytes(digest[:25], "big")
    return "".join(PAIRS[number >> shift & 1023] for shift in range(190, -1, -10))
