"""Where runs get their environment, their secrets and their addresses from; and the one place where a run is prepared.

What is wrong with a run is found here, before it exists: nothing was kept, and nothing was sent.
"""

from __future__ import annotations

import secrets as chance
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.engine.addresses import check_services
from flowdsl.engine.detached import with_key
from flowdsl.engine.masks import Masks
from flowdsl.engine.sign import ALPHABET, plain_name
from flowdsl.engine.wanting import unset, wrong_inputs
from flowdsl.errors import InputError
from flowdsl.language import read_inputs
from flowdsl.plan.masked import names_in
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created
from flowdsl.saga.run import Run
from flowdsl.saga.secret_inputs import names_given, secret_text
from flowdsl.view.times import rfc3339
from flowdsl.world.network.hosts import Hosts, read_allowed
from flowdsl.world.secrets.values import Secrets
from flowdsl.world.store.summary import check_run_id

ID_CHARACTERS = 10


class Project(Struct, frozen=True):
    """`folder` has the `.env`; `environment` is that of the process where it is None."""

    folder: Path | None = None
    environment: Mapping[str, str] | None = None
    secrets_file: Path | None = None
    services: Mapping[str, str] = field(default_factory=dict)  # base URLs instead of the file's
    allow: tuple[str, ...] = ()  # addresses that may be called although they would be refused

    def prepare(
        self,
        plan: Plan,
        inputs: Mapping[str, Json],
        run: str = "",
        *,
        event: EventId | None = None,
        trace: str = "",
    ) -> Start:
        """A run that `Engine.start` can begin. `run`: the id that somebody chose; else one is drawn.

        `trace`: the `traceparent` of the request that asks for it.

        Raises InputError for everything that is wrong with it.
        """
        if run:
            check_run_id(run)
        values, secret = read_apart(plan, inputs)
        at = time.time()
        created = Created(
            run=run or new_run_id(plan.name),
            workflow=plan.name,
            digest=plan.digest,
            at=at,
            inputs=values,
            env=self.env_for(plan),
            services=dict(self.services),
            started=rfc3339(at),
            secret_inputs=names_given(plan, secret),
            trace=trace,
        )
        check_services(plan, created, Hosts(read_allowed(self.allow)))
        created = with_key(plan, created)
        return Start(plan, created, self.secrets_for(plan), secret, bool(run), event)

    def inputs_again(self, old: Run, key: bytes, said: Mapping[str, str]) -> dict[str, Json]:
        """Those of an old run, for a new one in which `said` replaces some.

        What held a secret's value is kept masked: it is opened with the secrets of today. InputError where it cannot be.
        """
        kept = old.created.inputs
        if not names_in(kept):
            return kept
        hidden = {f"inputs.{one.name}": said.get(one.name) for one in old.plan.inputs if one.secret}
        secrets = dict(self.secrets_found(old.plan.secrets))
        secrets |= {name: text for name, text in hidden.items() if text is not None}
        (opened,), _ = Masks(secrets, key).open([old.created])
        assert isinstance(opened, Created), "a fact that was opened is still the same fact"
        for name, value in opened.inputs.items():
            lost = " and ".join(sorted(names_in(value)))
            if lost and name not in said:
                raise InputError(
                    f"the input `{name}` held the value of the secret {lost}, which is missing or has changed since",
                    code=Code.WRONG_INPUTS,
                    help=f"give it again: add -i {name}=…",
                )
        return {name: value for name, value in opened.inputs.items() if not names_in(value)}

    def secrets_for(self, plan: Plan, besides: Collection[str] = ()) -> Secrets:
        """Those that the workflow names, all of them; `besides` are of use if they are there.

        Raises InputError, which names those without a value.
        """
        secrets = self.secrets_found({*plan.secrets, *besides})
        wanting = unset(secrets.missing(plan.secrets))
        if wanting is not None:
            raise wanting
        return secrets

    def env_for(self, plan: Plan) -> dict[str, str | None]:
        """What the workflow reads of the environment; None where that is not set."""
        found = Secrets.read(plan.env, folder=self.folder, environment=self.environment)
        return {name: found.get(name) for name in plan.env}

    def secrets_found(self, names: Collection[str]) -> Secrets:
        """Those of them that have a value."""
        return Secrets.read(
            names, folder=self.folder, file=self.secrets_file, environment=self.environment
        )


class EventId(NamedTuple):
    """Which CloudEvent it is: it starts one run, however often it is delivered."""

    source: str
    id: str


class Start(Struct, frozen=True):
    """A run that is ready to be created; `Project.prepare` makes it."""

    plan: Plan
    created: Created
    secrets: Mapping[str, str]
    secret_inputs: Mapping[str, str]
    is_named: bool = False  # somebody chose its id
    event: EventId | None = None  # what starts it

    def begun(self, at: float) -> Start:
        """The same, at this moment: what was loaded meanwhile is not a part of the run's time."""
        return replace(self, created=replace(self.created, at=at, started=rfc3339(at)))

    def named(self, run: str) -> Start:
        """The same, under another id: nothing else that is known by now follows from it."""
        return replace(self, created=replace(self.created, run=run))

    @property
    def run(self) -> str:
        return self.created.run

    @property
    def fingerprint(self) -> str:
        """Of the file and the inputs: what must be the same for an id to mean the same run."""
        from flowdsl.world.store.claims import fingerprint_of

        return fingerprint_of(self.created)


def new_run_id(workflow: str) -> str:
    """`<workflow>-<10 of a-z2-7>`: 50 bits of chance."""
    letters = (ALPHABET[byte % 32] for byte in chance.token_bytes(ID_CHARACTERS))
    return f"{plain_name(workflow, 63 - ID_CHARACTERS)}-{''.join(letters)}"


def read_apart(plan: Plan, given: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, str]]:
    """The value of every input: those that are kept, and the secret ones, which never are."""
    checked = read_inputs(plan.inputs, given)
    if isinstance(checked, list):
        raise wrong_inputs(checked)
    secret = {declared.name for declared in plan.inputs if declared.secret}
    return (
        {name: value for name, value in checked.items() if name not in secret},
        {name: secret_text(v) for name, v in checked.items() if name in secret and v is not None},
    )
