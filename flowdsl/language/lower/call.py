"""A call as written → a `nodes.Call`: the patience of each request from step, service, defaults and built in."""

from __future__ import annotations

from flowdsl.language.order import step_name
from flowdsl.language.parse.workflow import (
    CallVerb,
    EmitVerb,
    Seconds,
    Workflow,
    WrittenDefaults,
    WrittenIdempotency,
    WrittenRequest,
    WrittenRetry,
    WrittenService,
)
from flowdsl.language.places import Part, StepPlace, uses
from flowdsl.language.subject import Subject
from flowdsl.plan import nodes

ATTEMPTS = 3
ATTEMPTS_WITHOUT_A_WAY_BACK = 10  # of an undo, a confirm, and what stands below `commit`
TIMEOUT_SECONDS = 10.0


def lower_call(subject: Subject, place: StepPlace, call: CallVerb) -> nodes.Call:
    """All but the fallback, which holds steps of its own."""
    return nodes.Call(
        address=place.item,
        action=_of_step(subject, place, call.request),
        compensation=_compensation(subject, place, call),
        confirm=_confirm(subject, call),
        probe=_probe(subject, call),
        holds_seconds=call.holds_for.value if call.holds_for else None,
    )


def lower_emit(subject: Subject, place: StepPlace, emit: EmitVerb) -> nodes.Call:
    """An event that was sent is out in the world: to take it back, emit another."""
    action = _of_step(subject, place, emit.request)
    return nodes.Call(address=place.item, action=action, compensation=nodes.NothingToUndo())


def _of_step(subject: Subject, place: StepPlace, request: WrittenRequest) -> nodes.Action:
    patience = (request.retry, *(level.retry for level in habits_of(subject.workflow, request)))
    attempts = ATTEMPTS_WITHOUT_A_WAY_BACK if place.below_commit else ATTEMPTS
    return lower_action(subject, request, merged(patience, attempts))


def habits_of(
    workflow: Workflow, request: WrittenRequest
) -> tuple[WrittenDefaults, WrittenDefaults]:
    """Those of the request's service, and the defaults."""
    service = workflow.by_service.get(request.service.text)
    return (service.habits if service else WrittenDefaults(), workflow.defaults)


def lower_action(
    subject: Subject,
    request: WrittenRequest,
    retry: nodes.Retry,
    step: WrittenRequest | None = None,
) -> nodes.Action:
    """`step` is the request whose timeout an undo, a confirm or a probe takes where it has none."""
    return nodes.Action(
        method=request.method,
        service=subject.service_key(request.service.text),
        path=request.path,
        query=tuple((name.text, value) for name, value in request.query),
        headers=tuple((name.text, value) for name, value in request.headers),
        body=request.body,
        timeout_seconds=timeout_of(subject.workflow, request, step),
        retry=retry,
        expect=request.expect,
        gone_is_done=request.gone_is_done,
        span=request.span,
    )


def timeout_of(
    workflow: Workflow, request: WrittenRequest, step: WrittenRequest | None = None
) -> float:
    said: tuple[Seconds | None, ...] = (
        request.timeout,
        step.timeout if step else None,
        *(level.timeout for level in habits_of(workflow, request)),
    )
    return next((timeout.value for timeout in said if timeout is not None), TIMEOUT_SECONDS)


def merged(levels: tuple[WrittenRetry | None, ...], attempts: int) -> nodes.Retry:
    """Field by field, the first level that says something."""
    said = [level for level in levels if level is not None]
    built_in = nodes.Retry(attempts)

    def first(values: list[float | None], otherwise: float) -> float:
        return next((value for value in values if value is not None), otherwise)

    return nodes.Retry(
        attempts=next((p.attempts for p in said if p.attempts is not None), attempts),
        delay_seconds=first([p.delay_seconds for p in said], built_in.delay_seconds),
        backoff=first([p.backoff for p in said], built_in.backoff),
        max_delay_seconds=first([p.max_delay_seconds for p in said], built_in.max_delay_seconds),
    )


def lower_service(workflow: Workflow, service: WrittenService) -> nodes.Service:
    levels = (service.habits, workflow.defaults)
    promise = next((level.idempotency for level in levels if level.idempotency), None)
    settle = next((level.settle for level in levels if level.settle), None)
    return nodes.Service(
        name=service.name.text,
        url=service.url,
        auth=service.auth,
        headers=tuple((name.text, value) for name, value in service.headers),
        idempotency=_idempotency(promise),
        settle_seconds=settle.value if settle else None,
        tombstone=service.tombstone,
        max_concurrent=service.max_concurrent,
        strict=service.strict,
        span=service.name.span,
    )


def _idempotency(promise: WrittenIdempotency | None) -> nodes.Idempotency | None:
    if promise is None:
        return None
    header = promise.header or "Idempotency-Key"
    return nodes.Idempotency(promise.ttl_seconds, header, promise.as_string)


def _compensation(
    subject: Subject, place: StepPlace, call: CallVerb
) -> nodes.Compensation | nodes.NothingToUndo | None:
    if call.compensate is None:
        return None
    request = call.compensate.request
    if request is None:
        return nodes.NothingToUndo()
    retry = merged((request.retry,), ATTEMPTS_WITHOUT_A_WAY_BACK)
    action = lower_action(subject, request, retry, call.request)
    return nodes.Compensation(action, needs_answer=undo_needs_answer(place))


def undo_needs_answer(place: StepPlace) -> bool:
    """Whether the undo reads what its step answered; `steps.ID.key` is known without an answer."""
    own = place.step.id.text if place.step.id else None
    return own is not None and any(
        step_name(reference) == own and reference.path[2:3] != ("key",)
        if reference.path[0] == "steps"
        else reference.path[0] == own
        for use in uses(place.step)
        if use.part is Part.UNDO
        for reference in use.expression.references
    )


def _confirm(subject: Subject, call: CallVerb) -> nodes.Action | None:
    if call.confirm is None:
        return None
    request = call.confirm.request
    retry = merged((request.retry,), ATTEMPTS_WITHOUT_A_WAY_BACK)
    return lower_action(subject, request, retry, call.request)


def _probe(subject: Subject, call: CallVerb) -> nodes.Probe | None:
    if call.probe is None:
        return None
    request = call.probe.request
    levels = (request.retry, *(level.retry for level in habits_of(subject.workflow, request)))
    action = lower_action(subject, request, merged(levels, ATTEMPTS), call.request)
    return nodes.Probe(action, call.probe.found, call.probe.result)
