"""Keys and seals of a run, made with the key of its store.

A key is the same for every attempt of a call, over crashes and resumes, and nobody can guess it. A seal is the mark of
a body with its secrets in place: if a secret changes, the same bytes cannot be sent again, and the seal shows it.
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass

from flowdsl.plan.address import CallId, direction_of, step_of
from flowdsl.plan.request import Request
from flowdsl.plan.values import Secret


@dataclass(frozen=True, slots=True)
class RunSigner:
    """`secret` is the key of the store; `values` are the secrets by name."""

    secret: bytes
    run: str
    values: Mapping[str, str]

    def key(self, call: CallId) -> str:
        name = f"{self.run}/{step_of(call)}//{direction_of(call)}"
        digest = hmac.digest(self.secret, name.encode(), "sha256")
        return "fd1-" + b32encode(digest).decode().lower()[:40]

    def seal(self, request: Request) -> str:
        parts = request.body or ()
        if not any(isinstance(part, Secret) for part in parts):
            return ""
        text = "".join(
            self.values.get(part.name, "") if isinstance(part, Secret) else part for part in parts
        )
        return hmac.digest(self.secret, text.encode(), "sha256").hex()
