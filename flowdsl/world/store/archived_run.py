r"""A run that is over as one line of the archive, verifiable over its bytes: `jq` works on it.

    {"h":"<32 hex>","run":…,"workflow":…,"state":…,"created":…,"ended":…,"wall":[1767225600000,3,…],"facts":[{…},\t{…}]}

`h` is the first half of SHA-256 over what comes after it. `wall` is when each fact was kept: the first in milliseconds, each
other as what it is later than the one before. Facts are those of the journal. A tab stands between them, which is in no
JSON text. Two that are nearly always alike are written shorter: a first attempt as `sent`, a plain answer as `answered`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import NamedTuple

from flowdsl.plan.json import from_bytes, to_ascii
from flowdsl.plan.values import Json
from flowdsl.world.store.journal import Record
from flowdsl.world.store.line import RUN_ID
from flowdsl.world.store.summary import Closing, RunSummary

_BEGIN = re.compile(rb'\{"h":"([0-9a-f]{32})","run":"(%b)",' % RUN_ID.pattern.encode())
_HASHED = len('{"h":"') + 32 + len('"')
_WALL, _FACTS, _BETWEEN, _END = b',"wall":[', b'],"facts":[', b",\t", b"]}"


def write_run(one: RunSummary, records: Sequence[Record]) -> bytes:
    """With its newline."""
    walls = [record.wall_milliseconds for record in records]
    later = [walls[0], *(there - here for here, there in pairwise(walls))]
    assert not any(_BETWEEN[1:] in record.data for record in records), "a fact is one line of JSON"
    text = b"".join(
        (
            b"," + to_ascii(_head(one)).encode()[1:-1],
            _WALL + ",".join(map(str, later)).encode(),
            _FACTS + _BETWEEN.join(_respelled(record.data, _SHORTER) for record in records) + _END,
        )
    )
    return b'{"h":"%b"%b\n' % (_hash(text), text)


def run_in(text: bytes) -> str:
    """Whose line this is, or was before it was damaged; empty where that cannot be read."""
    found = _BEGIN.match(text)
    return "" if found is None else found[2].decode()


def is_sound(text: bytes) -> bool:
    """Of a line without its newline."""
    found = _BEGIN.match(text)
    return found is not None and text.endswith(_END) and _hash(text[_HASHED:]) == found[1]


def read_summary(text: bytes) -> RunSummary:
    """Of a line that is sound."""
    head = from_bytes(text[: text.index(_WALL)] + b"}")
    assert isinstance(head, dict), "a checksum was right, and this is no object"
    run, workflow, state = head["run"], head["workflow"], head["state"]
    assert isinstance(run, str) and isinstance(workflow, str) and isinstance(state, str)  # noqa: PT018
    return RunSummary(run, workflow, _number(head["created"]), state, closing=_closing(head))


def read_facts(text: bytes) -> list[tuple[int, Record]]:
    """Of a line that is sound."""
    wall, _, facts = text[text.index(_WALL) + len(_WALL) : -len(_END)].partition(_FACTS)
    walls = accumulate(int(later) for later in wall.split(b","))
    records = map(Record, walls, (_respelled(fact, _WHOLE) for fact in facts.split(_BETWEEN)))
    return list(enumerate(records, 1))


def _head(one: RunSummary) -> dict[str, Json]:
    head: dict[str, Json] = {
        "run": one.run,
        "workflow": one.workflow,
        "state": one.ended,
        "created": _decimal(one.created_at),
    }
    if one.closing is not None:
        head |= {"ended": _decimal(one.closing.ended_at), "status": one.closing.label}
        head |= {"detail": one.closing.detail} if one.closing.detail else {}
        head |= {"residue": one.closing.residue} if one.closing.residue else {}
    return head


def _closing(head: dict[str, Json]) -> Closing | None:
    label, detail = head.get("status"), head.get("detail", "")
    if "ended" not in head:
        return None
    label, residue = label if isinstance(label, str) else None, head.get("residue", 0)
    assert isinstance(detail, str)
    return Closing(_number(head["ended"]), label, detail, int(_number(residue)))


def _decimal(seconds: float) -> Decimal:
    return Decimal(repr(seconds))


def _number(value: Json) -> float:
    assert not isinstance(value, str | list | dict | None), (
        "a checksum was right, and this is no number"
    )
    return float(value)


def _hash(text: bytes) -> bytes:
    return sha256(b"flowdsl archive 1 " + text).hexdigest()[:32].encode()


# --- what is written shorter -------------------------------------------------------------------------

_TEXT = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_VALUES = {
    "call": _TEXT,
    "at": r"[^,]*",
    "key": r'"[^"\\]*"',
    "url": _TEXT,
    "body": _TEXT,
    "status": r"[0-9]+",
    "answer": r".*",
}
_PLACE = re.compile(r"<([a-z]+)>")
_SENT = '{"t":"started","call":<call>,"attempt":1,"at":<at>,"key":<key>,"request":{"method":"POST","url":<url>'
_KEY = '["Idempotency-Key",<key>]'
_OK = '"outcome":{"t":"ok","status":<status>,"headers":{"content-type":"application/json"},"body":<answer>}'
_FORMS = (  # as it is in a journal, and in the archive
    (
        f'{_SENT},"headers":[["Content-Type","application/json"],{_KEY}],"body":<body>}}}}',
        '{"t":"sent","call":<call>,"at":<at>,"key":<key>,"post":<url>,"body":<body>}',
    ),
    (
        f'{_SENT},"headers":[{_KEY}]}}}}',
        '{"t":"sent","call":<call>,"at":<at>,"key":<key>,"post":<url>}',
    ),
    (
        f'{{"t":"finished","call":<call>,"attempt":1,"at":<at>,{_OK}}}',
        '{"t":"answered","call":<call>,"at":<at>,"status":<status>,"body":<answer>}',
    ),
)


def _pattern(form: str) -> re.Pattern[bytes]:
    """A value that comes twice has to be the same."""
    seen: set[str] = set()

    def place(found: re.Match[str]) -> str:
        name = found[1]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{_VALUES[name]})"

    return re.compile(_PLACE.sub(place, re.escape(form)).encode())


class _Rule(NamedTuple):
    begins: bytes
    pattern: re.Pattern[bytes]
    form: bytes
    values: tuple[str, ...]  # in the places of the form


def _rule(old: str, new: str) -> _Rule:
    begins = old.partition("<")[0].encode()
    form = _PLACE.sub("%b", new.replace("%", "%%")).encode()
    return _Rule(begins, _pattern(old), form, tuple(_PLACE.findall(new)))


_SHORTER = tuple(_rule(whole, short) for whole, short in _FORMS)
_WHOLE = tuple(_rule(short, whole) for whole, short in _FORMS)


def _respelled(fact: bytes, rules: tuple[_Rule, ...]) -> bytes:
    for rule in rules:
        if fact.startswith(rule.begins) and (found := rule.pattern.fullmatch(fact)):
            return rule.form % found.group(*rule.values)
    return fact
