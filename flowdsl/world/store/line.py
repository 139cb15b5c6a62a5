"""One line of a journal, verifiable over its bytes: no parsing and no second serialisation stands between.

    {"h":"<32 hex>","n":7,"b":3,"p":"<h of line 6>","w":<ms>,"r":"<run>","s":<n of the run>,"e":<epoch>,"end":true,"d":{event}}

`h` is the first half of SHA-256 over `p` and the bytes from `,"n"` on. `end` marks the last line of a batch: what was
synced together is taken together. `b` stands in every line, so any later line proves that a batch had reached the disk.
"""

from __future__ import annotations

import re
from hashlib import sha256

from msgspec import Struct

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class Line(Struct, frozen=True):
    hash: bytes
    number: int
    batch: int
    previous: bytes
    wall_milliseconds: int
    run: str
    sequence: int
    epoch: int
    end: bool
    data: bytes  # the event, as the codec wrote it


def first_hash(writer: str) -> bytes:
    """What the first line of a journal chains to: its name, so that no journal passes for another."""
    return _hash(b"flowdsl journal 1 ", writer.encode())


def write_line(line: Line) -> tuple[bytes, bytes]:
    """The hash that belongs to it (that of `line` is not looked at), and the bytes with their newline."""
    body = b',"n":%d,"b":%d,"p":"%b","w":%d,"r":"%b","s":%d,"e":%d%b,"d":%b}' % (
        line.number,
        line.batch,
        line.previous,
        line.wall_milliseconds,
        line.run.encode(),
        line.sequence,
        line.epoch,
        b',"end":true' if line.end else b"",
        line.data,
    )
    digest = _hash(line.previous, body)
    return digest, b'{"h":"%b"%b\n' % (digest, body)


_NUMBER = rb"(0|[1-9][0-9]{0,18})"
_LINE = re.compile(
    rb'\{"h":"([0-9a-f]{32})"'
    rb',"n":%b,"b":%b,"p":"([0-9a-f]{32})","w":%b'
    % (_NUMBER, _NUMBER, _NUMBER)
    + rb',"r":"(%b)","s":%b,"e":%b' % (RUN_ID.pattern.encode(), _NUMBER, _NUMBER)
    + rb'(,"end":true)?,"d":(\{[\x20-\x7f]*\})\}'
)
_HEAD = len('{"h":"') + 32 + len('"')


def read_line(text: bytes) -> Line | None:
    """A line without its newline, if it is one and its hash is right. Whether it fits the line before is not known here."""
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    digest, number, batch, previous, wall, run, sequence, epoch, end, data = found.groups()
    if _hash(previous, text[_HEAD:]) != digest:
        return None
    return Line(
        digest,
        int(number),
        int(batch),
        previous,
        int(wall),
        run.decode(),
        int(sequence),
        int(epoch),
        end is not None,
        data,
    )


def _hash(previous: bytes, body: bytes) -> bytes:
    return sha256(previous + body).hexdigest()[:32].encode()
