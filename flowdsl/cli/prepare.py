"""Everything that is found before a run starts: environment, services, secrets. What is wrong here has sent nothing."""

from __future__ import annotations

import secrets as chance
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from flowdsl.cli.given import Inputs
from flowdsl.cli.options import Session
from flowdsl.codes import Code
from flowdsl.engine.detached import with_key
from flowdsl.engine.sign import plain_name
from flowdsl.engine.wanting import unset
from flowdsl.errors import InputError, Place
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.deciding import text
from flowdsl.saga.events import Created
from flowdsl.saga.secret_inputs import names_given
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import unfolded
from flowdsl.view.times import rfc3339
from flowdsl.world.network.hosts import Hosts, read_allowed
from flowdsl.world.secrets.values import Secrets
from flowdsl.world.store.claims import fingerprint_of
from flowdsl.world.store.summary import check_run_id

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
ID_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class Start:
    """A run that is ready to be created."""

    plan: Plan
    created: Created
    secrets: Mapping[str, str]
    secret_inputs: Mapping[str, str]

    def begun(self) -> Start:
        """The same, at this moment: what was loaded meanwhile is no part of the run's time."""
        at = time.time()
        return replace(self, created=replace(self.created, at=at, started=rfc3339(at)))

    def named(self, run: str) -> Start:
        """The same, under another id: nothing else that is known by now follows from it."""
        return replace(self, created=replace(self.created, run=run))

    @property
    def fingerprint(self) -> str:
        """Of the file and the inputs: what must be the same for `--id` to mean the same run."""
        return fingerprint_of(self.created)


def prepare(session: Session, plan: Plan, inputs: Inputs, run: str = "") -> Start:
    if run:
        check_run_id(run)
    at = time.time()
    found = Secrets.read(plan.env, folder=session.project)
    created = Created(
        run=run or new_run_id(plan.name),
        workflow=plan.name,
        digest=plan.digest,
        at=at,
        inputs=inputs.values,
        env={name: found.get(name) for name in plan.env},
        services=dict(session.services or {}),
        started=rfc3339(at),
        secret_inputs=names_given(plan, inputs.secret),
    )
    check_services(plan, created, Hosts(read_allowed(session.allow)))
    return Start(plan, with_key(plan, created), read_secrets(session, plan), inputs.secret)


def new_run_id(workflow: str) -> str:
    """`<workflow>-<10 of a-z2-7>`: 50 bits of chance."""
    letters = (ALPHABET[byte % 32] for byte in chance.token_bytes(ID_CHARACTERS))
    return f"{plain_name(workflow, 63 - ID_CHARACTERS)}-{''.join(letters)}"


def read_secrets(session: Session, plan: Plan, besides: Collection[str] = ()) -> Secrets:
    """Those that the workflow names, all of them; `besides` are of use if they are there."""
    names = {*plan.secrets, *besides}
    secrets = Secrets.read(names, folder=session.project, file=session.secrets_file)
    wanting = unset(secrets.missing(plan.secrets))
    if wanting is not None:
        raise wanting
    return secrets


def check_services(plan: Plan, created: Created, hosts: Hosts) -> None:
    """Every service has a URL that can be called. Where a name leads is seen when it is called, by `world.wire`."""
    state = State(created=created)
    for service in plan.services.values():
        replaced = created.services.get(service.name)
        try:
            url = replaced or text(unfolded(plan, state), state, service.url)
        except EvaluationError as error:
            raise _no_url(plan, service.name, str(error), created) from None
        wrong = _wrong_with(url)
        if wrong is not None:
            raise _no_url(plan, service.name, wrong, created)
        host = urlsplit(url).hostname or ""
        objection = _objection(hosts, host)
        if objection is not None:
            raise _forbidden(plan, service.name, f"{host} is {objection}")
    for own in plan.detached.values():  # runs of their own that this one starts
        check_services(own, created, hosts)


def _wrong_with(url: str) -> str | None:
    """Why no path can be put behind it. A password is not repeated: what is wrong is told, and may be kept."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    else:
        if "@" in parts.netloc:
            return "it holds a user name or a password; write them in `auth:`"
    if not good or any(ord(c) <= 32 or c == "\\" for c in url):
        return f"`{url[:200]}` is no http:// or https:// address"
    if "?" in url or "#" in url:
        return f"`{url[:200]}` goes on behind its path, where the path of a call is to be put"
    return None


def _objection(hosts: Hosts, host: str) -> str | None:
    try:
        return hosts.objection(host)
    except ValueError:  # a name
        return None


def _forbidden(plan: Plan, name: str, why: str) -> InputError:
    span = plan.services[name].span
    return InputError(
        f"{plan.path}:{span.line}:{span.column}: no service may be where `{name}` is: {why}",
        code=Code.FORBIDDEN_ADDRESS,
        help="if it is meant, allow the address in flowdsl.toml: `flowdsl explain F130`",
        place=Place(plan.path, span.line, span.column),
    )


def _no_url(plan: Plan, name: str, why: str, created: Created) -> InputError:
    span = plan.services[name].span
    unset = [key for key, value in created.env.items() if value is None]
    hint = f"not set in the environment: {', '.join(unset)}" if unset else f"set `services.{name}`"
    return InputError(
        f"{plan.path}:{span.line}:{span.column}: the service `{name}` has no URL: {why}",
        code=Code.SERVICE_WITHOUT_URL,
        help=hint,
        place=Place(plan.path, span.line, span.column),
    )
