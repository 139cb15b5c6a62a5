"""A secret of a few characters is said to be one before a run works with it: see `flowdsl explain F069`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowdsl.cli.options import Session
from flowdsl.view.paint import counted
from flowdsl.world.secrets.redaction import FOUND_INSIDE_FROM


def warn_of_short_secrets(
    session: Session, secrets: Mapping[str, str], inputs: Mapping[str, str]
) -> None:
    for what, value in _named(secrets, inputs):
        if 0 < len(value) < FOUND_INSIDE_FROM:
            session.screen.hint(
                f"! {what} has {counted(len(value), 'character')}: if a service says it back within a text, it is not masked there (F069)"
            )


def _named(secrets: Mapping[str, str], inputs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in secrets.items():
        yield f"the secret `{name}`", value
    for name, value in inputs.items():
        yield f"the secret input `{name}`", value
