"""Names of files as Linux allows them: not UTF-8, with control characters, with signs that mean something elsewhere."""

from __future__ import annotations

import io
import json
import os
import re
import sys

import pytest

from flowdsl.cli.group import run
from tests.cli.command_line import CommandLine, Services

GOOD = """flowdsl: 1
name: w
services: { mail: "${default(env.DEMO_URL, 'http://localhost:9000')}/mail" }
steps: [{ id: message, call: POST mail/messages, body: { n: 1 }, compensate: none }]
"""
CHILD = "flowdsl: 1\nname: c\nsteps: [{ set: { a: 1 } }]\n"
BAD = "flowdsl: 1\nservices: { a: http://a }\nsteps:\n  - { call: b/x }\n"
NAMES = {
    "no UTF-8": os.fsdecode(b"a\xff"),
    "escape": "a\x1b[31m",
    "line end": "a\nb",
    "carriage return": "a\rb",
    "right to left": "a\u202eb",
    "signs": "a :,%|<>&\"'`$#;\\b",
    "wide": "größe-🚲",
}
UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def commands(name: str) -> list[tuple[int, tuple[str, ...]]]:
    """Each with its exit code; everything that takes the name of a file or a folder."""
    good, bad, gone = f"{name}/{name}.yaml", f"{name}/bad.yaml", f"{name}.gone"
    return [
        *((0, ("validate", good, "--format", form)) for form in FORMATS),
        *((1, ("validate", bad, "--format", form)) for form in FORMATS),
        (1, ("validate", name)),
        (1, ("validate", "--json")),
        (2, ("validate", gone, "--json")),
        (0, ("plan", good)),
        (0, ("plan", good, "--json")),
        (2, ("plan", bad)),
        *((0, ("graph", good, "--format", form)) for form in ("text", "mermaid", "dot", "svg", "json")),
        (0, ("graph", good, good, "--json")),
        (0, ("graph", good, "-o", f"{name}.svg", "--json")),
        (2, ("graph", good, "-o", f"{gone}/x.svg", "--json")),
        (0, ("run", good, "--id", "r1")),
        (0, ("run", good, "--id", "r2", "--json")),
        (2, ("run", bad)),
        (2, ("run", bad, "--json")),
        (2, ("run", gone, "--json")),
        (2, ("run", good, "-f", gone, "--json")),
        (2, ("run", good, "-f", bad, "--json")),
        (2, ("run", good, "--event", good, "--json")),
        (2, ("run", good, "-i", f"x=@{gone}", "--json")),
        (2, ("run", good, "--secrets-file", gone, "-i", "a")),
        (0, ("status", "r1")),
        (0, ("status", "r1", "--json")),
        (0, ("status", "r1", "--events")),
        (0, ("status", "r1", "--events", "--json")),
        (0, ("show", "r1", "message", "--json")),
        (0, ("graph", "--run", "r1", "--json")),
        (0, ("rerun", "r1")),
        (0, ("fsck",)),
        (0, ("fsck", "--store", f"{name}/store", "--json")),
        (0, ("run", good, "--store", f"{name}/store")),
        (2, ("resume", "--store", gone)),
        (0, ("init", f"{name}.new")),
        (0, ("init", f"{name}.more", "--json")),
        (2, ("init", f"{name}.new", "--json")),
    ]  # fmt: skip


FORMATS = ("full", "concise", "json", "github", "sarif", "junit")


def typed(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> tuple[int, str, str]:
    """As a process has them: text that a stream cannot say is spelled out."""
    out, err = io.BytesIO(), io.BytesIO()
    for name, buffer in (("stdout", out), ("stderr", err)):
        stream = io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace")
        monkeypatch.setattr(sys, name, stream)
    code = run(list(words))
    sys.stdout.flush()
    sys.stderr.flush()
    return code, out.getvalue().decode(), err.getvalue().decode()


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_every_name_is_taken_and_said_plainly(
    cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = cli.project / name
    folder.mkdir()
    (folder / f"{name}.yaml").write_text(
        GOOD.replace("steps: [", "steps: [{ uses: ./child.yaml }, ")
    )
    (folder / "child.yaml").write_text(CHILD)
    (folder / "bad.yaml").write_text(BAD)
    store = ("run", str(folder / f"{name}.yaml"), "--store", f"{name}/store", "--id", "in-store")
    assert typed(monkeypatch, store)[0] == 0
    for code, words in commands(name):
        got, out, err = typed(monkeypatch, words)
        said = f"{words}: {got}\n{out}\n{err}"
        assert got == code, said
        assert not UNSEEN.search(out + err), said
        form = words[-1] if words[-1] in FORMATS else ""
        if "--json" in words or form in ("json", "sarif"):
            json.loads(out)


def test_a_run_of_a_file_whose_name_is_not_utf_8_goes_on(
    cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cli.project / os.fsdecode(b"a\xff.yaml")
    path.write_text(GOOD)
    assert typed(monkeypatch, ("run", path.name, "--id", "a"))[0] == 0
    code, out, _ = typed(monkeypatch, ("status", "a"))
    assert (code, r"a\xff.yaml" in out) == (0, True)
    definitions = list((cli.project / ".flowdsl" / "definitions").iterdir())
    assert [json.loads(one.read_bytes())["path"] for one in definitions] == [r"a\xff.yaml"]


def test_a_sarif_uri_has_the_bytes_of_the_name(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cli.project / os.fsdecode(b"a\xff.yaml")).write_text(BAD)
    _, out, _ = typed(monkeypatch, ("validate", "--format", "sarif"))
    place = json.loads(out)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%FF.yaml"


@pytest.mark.parametrize("reason", ["x", os.fsdecode(b"x\xff")])
def test_a_reason_that_is_not_utf_8_is_shown(
    cli: CommandLine,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    reason: str,
) -> None:
    cli.write("w.yaml", "flowdsl: 1\nsteps: [{ wait_for: go }]\n")
    assert typed(monkeypatch, ("run", "w.yaml", "--id", "a", "--no-wait"))[0] == 4
    assert typed(monkeypatch, ("cancel", "a", "--reason", reason, "--progress", "json"))[0] == 0
    for shown in (("--events",), ("--events", "--json"), ("--json",), ()):
        code, out, _ = typed(monkeypatch, ("status", "a", *shown))
        assert (code, UNSEEN.search(out)) == (0, None)
