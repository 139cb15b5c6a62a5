"""The inputs of a run: from a file, from `-i`, from a person who is asked. All problems at once, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from flowdsl.cli.options import Session
from flowdsl.cli.sources import STDIN, WrongFile, read_bytes, read_stdin
from flowdsl.codes import Code
from flowdsl.engine.project import EventId
from flowdsl.engine.wanting import given_before, wrong_inputs
from flowdsl.errors import InputError, Place
from flowdsl.language import Checked, InputProblem, Source, decode, from_text, read_inputs
from flowdsl.language.inputs import problems_of
from flowdsl.language.text.document import load_document
from flowdsl.language.text.located import plain
from flowdsl.plan.json import from_bytes
from flowdsl.plan.nodes import Input, Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created
from flowdsl.saga.secret_inputs import needed_again, secret_text


def read_given(
    session: Session,
    plan: Plan,
    given: Sequence[str],
    file: str | None,
    earlier: Mapping[str, Json] | None = None,
) -> dict[str, Json]:
    """`earlier` are those of an old run, then come those of the file, then those of `-i`; `Project.prepare` checks them."""
    values: dict[str, Json] = dict(earlier or {})
    if file is not None:
        values |= _from_file(file)
    read, problems = _from_flags(plan.inputs, given)
    values |= read
    if problems:
        raise wrong_inputs(_also(problems, read_inputs(plan.inputs, values)))
    if session.may_ask:
        checked = read_inputs(plan.inputs, values)
        if isinstance(checked, list) and _all_missing(checked, values):
            values |= ask(plan, [problem.name for problem in checked])
    return values


def read_some(plan: Plan, given: Sequence[str], file: str | None) -> dict[str, Json]:
    """The inputs that are known by now, secret ones left out; what is missing stays open."""
    values: dict[str, Json] = {}
    if file is not None:
        values |= _from_file(file)
    read, problems = _from_flags(plan.inputs, given)
    values |= read
    some = tuple(
        declared
        for declared in plan.inputs
        if declared.name in values or declared.has_default or declared.optional
    )
    checked = read_inputs(some, values)
    unknown = values.keys() - {declared.name for declared in plan.inputs}
    if isinstance(checked, list) or problems or unknown:
        full = _also(problems, read_inputs(plan.inputs, values))  # it knows all names there are
        raise wrong_inputs([problem for problem in full if not problem.is_missing])
    return {one.name: checked[one.name] for one in some if not one.secret}


def read_secret(
    session: Session, plan: Plan, created: Created, given: Sequence[str]
) -> dict[str, str]:
    """The secret inputs of a run that goes on: they were never kept, so they are asked for again."""
    needed = needed_again(plan, created)
    secret = {declared.name for declared in plan.inputs if declared.secret}
    values, problems = _from_flags(plan.inputs, given)
    if problems:
        raise wrong_inputs(problems)
    for name in values:
        if name not in secret:
            raise InputError(
                f"the input `{name}` of this run is fixed",
                code=Code.WRONG_INPUTS,
                help="other inputs: flowdsl rerun",
            )
        if created.secret_inputs is not None and name not in created.secret_inputs:
            message = f"the secret input `{name}` of this run was left out"
            raise InputError(message, code=Code.WRONG_INPUTS, help="other inputs: flowdsl rerun")
    missing = sorted(set(needed) - values.keys())
    if missing and session.may_ask:
        values |= ask(plan, missing)
    elif missing:
        raise given_before(missing)
    problems = [
        problem
        for declared in plan.inputs
        if declared.name in values
        for problem in problems_of(declared, values[declared.name])
    ]
    if problems:
        raise wrong_inputs(problems)
    return {name: secret_text(value) for name, value in values.items()}


def read_payload(schema: Json, given: Sequence[str], file: str | None) -> Json:
    """What a signal carries: a file's value, and `-i` typed by the schema of the wait; null where nothing is given."""
    payload: Json = _any_from_file(file) if file is not None else None
    if not given:
        return payload
    if payload is not None and not isinstance(payload, dict):
        message = "-i adds to an object, and the file holds something else"
        raise InputError(
            message, code=Code.UNREADABLE_INPUTS_FILE, help="give all of it in the file"
        )
    properties = schema.get("properties") if isinstance(schema, dict) else None
    declared = tuple(
        Input(name, kept)
        for name, kept in (properties if isinstance(properties, dict) else {}).items()
    )
    values, problems = _from_flags(declared, given)
    if problems:
        raise wrong_inputs(problems)
    known = {one.name for one in declared}
    return {
        **(payload or {}),
        **{name: value if name in known else _guessed(value) for name, value in values.items()},
    }


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """`which` tells it from another one, where it says so; `data` are the inputs."""

    which: EventId | None
    data: dict[str, Json]


def read_event(plan: Plan, file: str) -> CloudEvent:
    """The CloudEvent in a file, if it is one that the workflow is started by."""
    event = _any_from_file(file, "an event")
    name = STDIN if file == "-" else file
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise InputError(
            f"{name}: this is not a CloudEvent: it has no `type`",
            code=Code.EVENT_STARTS_NOTHING,
            help='structured JSON: {"specversion": "1.0", "type": …, "source": …, "id": …, "data": {…}}',
        )
    if plan.trigger is None:
        hint = "inputs are given with -i or -f; or add `trigger: { event: … }` to the file"
        raise InputError(
            f"{plan.path} is started by no event", code=Code.EVENT_STARTS_NOTHING, help=hint
        )
    if event["type"] != plan.trigger.event:
        message = (
            f"{plan.path} is started by `{plan.trigger.event}`, and this event is `{event['type']}`"
        )
        raise InputError(message, code=Code.EVENT_STARTS_NOTHING, help="is it the right file?")
    source, number = event.get("source"), event.get("id")
    says = isinstance(source, str) and isinstance(number, str) and source and number
    which = EventId(str(source), str(number)) if says else None
    data = event.get("data")
    if data is None and "data_base64" not in event:
        return CloudEvent(which, {})
    if not isinstance(data, dict):
        message = f"{name}: the data of the event are the inputs, and must be an object"
        raise InputError(
            message, code=Code.EVENT_STARTS_NOTHING, help="`data: { … }` of the `emit` that made it"
        )
    return CloudEvent(which, data)


def _guessed(value: Json) -> Json:
    """Where no schema says more: `true`, `false`, `null` and numbers are themselves, for "false" as a text would count as yes."""
    try:
        read = from_bytes(str(value))
    except ValueError:
        return value
    return value if isinstance(read, str | list | dict) else read


def ask(plan: Plan, names: Sequence[str]) -> dict[str, Json]:
    """Ask for each, until the answer is of its type. Ctrl-C leaves, and nothing was sent."""
    return {declared.name: _ask(declared) for declared in plan.inputs if declared.name in names}


def _ask(declared: Input) -> Json:
    schema = declared.schema if isinstance(declared.schema, dict) else {}
    said = schema.get("description")
    label = f"{declared.name} ({schema.get('type', 'any')}{f', {said}' if said else ''})"
    while True:
        text = click.prompt(label, type=str, err=True, hide_input=declared.secret)
        value = from_text(declared, text)
        problems = [value] if isinstance(value, InputProblem) else problems_of(declared, value)
        if not problems:
            assert not isinstance(value, InputProblem)
            return value
        for problem in problems:
            click.echo(f"  {problem.message}", err=True)


def _from_flags(
    inputs: Sequence[Input], given: Sequence[str]
) -> tuple[dict[str, Json], list[InputProblem]]:
    declared = {one.name: one for one in inputs}
    values: dict[str, Json] = {}
    problems: list[InputProblem] = []
    for flag in given:
        name, sign, text = flag.partition("=")
        if not sign or not name:
            raise InputError(
                f"-i {flag}: not KEY=VALUE", code=Code.WRONG_INPUTS, help="write -i name=value"
            )
        text = _value_text(name, text)
        value = from_text(declared[name], text) if name in declared else text
        if isinstance(value, InputProblem):
            problems.append(value)
        else:
            values[name] = value
    return values, problems


def _also(
    problems: Sequence[InputProblem], checked: dict[str, Json] | list[InputProblem]
) -> list[InputProblem]:
    """What is ill-typed already is not missing too."""
    said = {problem.name for problem in problems}
    more = checked if isinstance(checked, list) else []
    return [*problems, *(problem for problem in more if problem.name not in said)]


def _value_text(name: str, text: str) -> str:
    """`@FILE` is what the file holds, `@@…` a text that begins with one @."""
    if text.startswith("@@"):
        return text[1:]
    if text.startswith("@"):
        text = _decoded(f"-i {name}=@…", read_bytes(text[1:], "a file to read the input from"))
        return text.removesuffix("\n").removesuffix("\r")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"-i {name}=…: is not UTF-8", code=Code.WRONG_INPUTS) from None
    return text


def _decoded(what: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{what}: the file is not UTF-8",
            code=Code.UNREADABLE_INPUTS_FILE,
            help="save it as UTF-8",
        ) from None


def _from_file(path: str) -> dict[str, Json]:
    value = _any_from_file(path)
    if not isinstance(value, dict):
        raise InputError(
            f"{STDIN if path == '-' else path}: the inputs must be an object of names and values",
            code=Code.UNREADABLE_INPUTS_FILE,
            help="write `name: value` lines",
            place=Place(path),
        )
    return value


def _any_from_file(path: str, what: str = "a file of inputs") -> Json:
    raw = read_stdin() if path == "-" else read_bytes(path, what)
    source = decode(STDIN if path == "-" else path, raw)
    if path.endswith(".json") or source.text.lstrip().startswith("{"):
        return _json(source)
    document, problems = load_document(source)
    if document is None or any(problem.is_error for problem in problems):
        raise WrongFile(Checked(source, None, tuple(problems)))
    return plain(document)


def _json(source: Source) -> Json:
    """JSON by its own rules; where it is none, YAML's `{ a: b }` may still be meant."""
    try:
        return from_bytes(source.text)
    except ValueError as error:
        document, problems = load_document(source)
        if source.path.endswith(".json") or document is None or problems:
            raise _not_json(source, str(error)) from None
        return plain(document)


def _not_json(source: Source, said: str) -> InputError:
    """The decoder says a byte; people count lines."""
    import re

    place = Place(source.path)
    found = re.search(r"\(byte (\d+)\)", said)
    if found is not None:
        before = source.text.encode(errors="replace")[: int(found[1])].decode(errors="ignore")
        place = Place(source.path, before.count("\n") + 1, len(before) - before.rfind("\n"))
        why = said[: found.start()].strip().removeprefix("JSON is malformed: ")
        said = f"line {place.line}, column {place.column}: {why}"
    message = f"{source.path}: not JSON: {said}"
    return InputError(message, code=Code.UNREADABLE_INPUTS_FILE, help="is it cut off?", place=place)


def _all_missing(problems: Sequence[InputProblem], values: Mapping[str, Json]) -> bool:
    return all(problem.name not in values or values[problem.name] is None for problem in problems)
