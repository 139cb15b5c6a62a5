"""Between the facts that a run works with and those that are written and shown.

A drive works with true values. What it keeps, and what it tells its watchers, is masked once, here; what an earlier
life kept is opened here, with the secrets of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.plan.masked import names_in
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created, Event, Fingerprint, Resumed
from flowdsl.saga.masking import names_masked, over_data
from flowdsl.world.secrets.masked_request import mask_request
from flowdsl.world.secrets.opening import Opening
from flowdsl.world.secrets.redaction import Redaction
from flowdsl.world.store.claims import fingerprint_of


class Masks:
    """Of one drive. `secrets` are those of its plan, and the secret inputs it was given."""

    def __init__(self, secrets: Mapping[str, str] | None = None, key: bytes = b"") -> None:
        self.secrets = dict(secrets or {})
        self._key = key
        self.redaction = Redaction(self.secrets, key)

    def open(self, past: Iterable[Event]) -> tuple[tuple[Event, ...], frozenset[str]]:
        """The facts of earlier lives as they were, and the names of the secrets that they need and nobody has."""
        past = tuple(past)
        self.redaction = Redaction(self.secrets, self._key, _fingerprints(past))
        opening = Opening(self.redaction)
        return tuple(over_data(event, opening) for event in past), frozenset(opening.lost)

    def mask(self, event: Event) -> Event:
        """The fact as it is kept and shown."""
        if self.redaction.is_idle:
            return event
        masked = over_data(event, _Masking(self.redaction))
        if isinstance(event, Created) and isinstance(masked, Created) and names_in(masked.inputs):
            return replace(masked, claim=fingerprint_of(event))
        return event if masked == event else masked

    def identified(self, event: Event) -> Event:
        """The first fact of a drive, with what a later life needs to know the secrets of this one again."""
        if isinstance(event, Created) and event.key:
            event = replace(event, key=self._key_of(event.key))
        prints = self.redaction.fingerprints()
        if prints and isinstance(event, Created | Resumed):
            return replace(event, fingerprints=prints)
        return event

    def _key_of(self, key: str) -> str:
        """The key of runs that go one at a time, by which they find each other: where a secret stands in it, its seal."""
        return key if self.redaction.text(key) is key else f"sealed {self.redaction.seal(key)}"

    def are_known(self, past: Iterable[Event]) -> bool:
        """Whether a later life would know these secrets again from what was kept by now."""
        return set(self.redaction.fingerprints()) <= set(_fingerprints(past))

    def standing_in(self, event: Event) -> dict[str, str]:
        """The secrets that stand in what a run hands on to another: in that they are masked as well."""
        names = names_masked([self.mask(event)])
        return {name: self.secrets[name] for name in names if name in self.secrets}

    def value(self, value: Json) -> Json:
        return self.redaction.value(value)


class _Masking(Struct, frozen=True):
    redaction: Redaction

    def text(self, text: str) -> str:
        return self.redaction.text(text)

    def value(self, value: Json) -> Json:
        return self.redaction.value(value)

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        return self.redaction.headers(headers)

    def request(self, request: Request) -> Request:
        return mask_request(self.redaction, request)


def _fingerprints(past: Iterable[Event]) -> Iterable[Fingerprint]:
    for event in past:
        if isinstance(event, Created | Resumed):
            yield from event.fingerprints
