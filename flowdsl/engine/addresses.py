"""Whether every service of a plan has a URL that can be called. Where a name leads is seen when it is called, by `world.network`."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from flowdsl.codes import Code
from flowdsl.errors import InputError, Place
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.deciding import text
from flowdsl.saga.events import Created
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import unfolded
from flowdsl.world.network.hosts import Hosts


def check_services(plan: Plan, created: Created, hosts: Hosts) -> None:
    """Raises InputError for the first that has none, or that is where no service may be."""
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
        objection = _objection(hosts, url)
        if objection is not None:
            raise _forbidden(plan, service.name, objection)
    for own in plan.detached.values():  # runs of their own that this one starts
        check_services(own, created, hosts)


@lru_cache
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
        return f"`{url[:200]}` is not an http:// or https:// address"
    if "?" in url or "#" in url:
        return f"`{url[:200]}` goes on behind its path, where the path of a call is to be put"
    return None


@lru_cache
def _objection(hosts: Hosts, url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    try:
        objection = hosts.objection(host)
    except ValueError:  # a name
        return None
    return objection and f"{host} is {objection}"


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
