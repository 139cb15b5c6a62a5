"""Files, values and names that want to be somewhere else: in another folder, another header, another line of the screen."""

from __future__ import annotations

import json
import os
import re
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowdsl.language import Source, check
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.location import render_path
from flowdsl.view.problem.formats import Format, rendered
from tests import warm
from tests.cli.command_line import CommandLine
from tests.conftest import Counts
from tests.hostile.echo import Echo, echoing
from tests.hostile.fuzz import NOWHERE
from tests.plan.texts import parse_text


@pytest.fixture
def echo() -> Iterator[Echo]:
    with echoing() as there:
        yield there


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


# --- the ids of runs ----------------------------------------------------------------------------------

IDS = [
    "../x", "..", ".", "a/b", "/tmp/x", "a\\b", "%2e%2e%2fx", "..%2fx", ".hidden", "-x", "a b", "a\n", "a\tb", "ü", "ａ", "x" * 65, "x" * 100_000,
    "a\x1b[31m", "a\u202eb", "a:b", "a*", "$(id)", "~", "", " ",
]  # fmt: skip


@pytest.mark.parametrize("run", [*IDS, "a\0b", "\ud800"], ids=lambda run: ascii(run[:12]))
def test_an_id_is_no_path(run: str, project: Path, cli: CommandLine, counts: Counts) -> None:
    (project / "a").mkdir()
    cli.write("a/wait.yaml", "flowdsl: 1\nsteps:\n  - wait: 1ms\n")
    before = everything_below(project.parent)
    for words in (
        ("run", "a/wait.yaml", f"--id={run}"),
        ("status", f"./{run}"),
        ("status", "--", run),
        ("resume", "--", run),
        ("cancel", "--", run),
        ("show", "--", run, "x"),
        ("rerun", "--", run),
    ):
        done = cli(*words)
        assert done.code == 2, (words, done.err[:500])
        assert "error[F" in done.err
        assert not set(done.err) & set("\x1b\0\u202e")
        assert len(done.err) < 4000
    assert everything_below(project.parent) == before
    counts.add("ids of runs that are none", 1)


# --- values in a request ------------------------------------------------------------------------------

VALUES = [
    "../../admin", "..", ".", "..%2fadmin", "%2e%2e/%2e%2e", "....//", "a/b?c=d#e", "//evil.test/", "@evil.test", "\\..\\x", "http://evil.test/", ":80",
    "a\r\nX-Evil: 1", "a\nb", "a\0b", " HTTP/1.1\r\nHost: evil.test\r\n\r\n", "é", "\u202e", "x;y=1", "%", "%00", "${inputs.v}", "{{7*7}}", "'\"", "", " ",
]  # fmt: skip
WORKFLOW = """\
flowdsl: 1
inputs: {{ v: string }}
services:
  echo: {{ url: "{url}/ok", retry: 1 }}
steps:
  - id: one
    call: POST echo/a/${{inputs.v}}/z?q=${{inputs.v}}
    query: {{ more: "${{inputs.v}}" }}
    body: {{ "key": "${{inputs.v}}", text: "<${{inputs.v}}>" }}
    compensate: none
"""


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a_value_stays_where_it_was_put(
    value: str, project: Path, cli: CommandLine, echo: Echo, counts: Counts
) -> None:
    cli.write("v.yaml", WORKFLOW.format(url=echo.url))
    (project / "v.json").write_text(json.dumps({"v": value}))
    done = cli("run", "v.yaml", "-f", "v.json", "--json")
    if value in ("", ".", ".."):
        assert (done.code, echo.heard) == (1, [])
        assert done.json["error"]["code"] == "F114"
        return
    assert done.code == 0, done.err
    (heard,) = echo.heard
    method, target = heard.split(" ")
    path, _, query = target.partition("?")
    segments = path.split("/")
    assert (method, segments[:3], len(segments), segments[4]) == ("POST", ["", "ok", "a"], 5, "z")
    assert unquote(segments[3]) == value
    assert [unquote(pair.partition("=")[2]) for pair in query.split("&")] == [value, value]
    body = json.loads(done.json["steps"]["one"]["response"]["sent"])
    assert body == {"key": value, "text": f"<{value}>"}
    counts.add("values that want to be another path or header", 1)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=3))
@example("a/b", "/")
@example("", "")
@example("..%2f", "/")
def test_no_value_makes_another_path(value: str, more: str) -> None:
    template = parse_text("things/${x}/of${y}/end", locate=lambda _: NOWHERE)
    try:
        path = render_path(template, {"x": value, "y": more})
    except EvaluationError:
        return
    first, second, third, last = path.split("/")
    assert (first, unquote(second), unquote(third), last) == ("things", value, f"of{more}", "end")
    assert re.fullmatch(r"[A-Za-z0-9_.~%/-]+", path)


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "é", "\x7f", "a\r", "\x1b[31m"]
)
def test_a_value_makes_no_other_header(
    value: str, project: Path, cli: CommandLine, echo: Echo
) -> None:
    text = WORKFLOW.format(url=echo.url).replace(
        "    query:", '    headers: { X-V: "${inputs.v}" }\n    query:'
    )
    cli.write("h.yaml", text)
    (project / "v.json").write_text(json.dumps({"v": value}))
    done = cli("run", "h.yaml", "-f", "v.json")
    assert done.code == 1
    assert "X-V" in done.err
    assert echo.heard == []


# --- what a service says, on the screen ----------------------------------------------------------------

STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NASTY = "a\x7f\x1b]52;c;ZXZpbA==\x07\x1b[2J\x9b31m\u202egnp.exe\r\nfake: line\x00\u2066x"


@pytest.mark.parametrize("ending", ["ok", "no", "html"])
def test_nothing_that_comes_in_steers_the_screen(
    ending: str, project: Path, cli: CommandLine, echo: Echo
) -> None:
    text = (
        WORKFLOW.format(url=echo.url).replace("/ok", f"/{ending}").replace("/${inputs.v}/z", "/z")
    )
    text = text.replace("?q=${inputs.v}", "") + 'outputs: { said: "${one.sent}" }\n'
    text = text.replace("  - id: one", '  - status: "see ${inputs.v}"\n  - id: one')
    cli.write("s.yaml", text)
    (project / "v.json").write_text(json.dumps({"v": NASTY}))
    shown = [
        cli("run", "s.yaml", "-f", "v.json", "--id", "r", "--progress", "plain", "--color", "never")
    ]
    shown += [
        cli(*words)
        for words in (
            ("status", "r"), ("status", "r", "--events"), ("list",), ("show", "r", "one"), ("show", "r", "status-1"),
            ("graph", "r"), ("graph", "r", "--format", "mermaid"), ("show", "r", "one", "--json"), ("status", "r", "--json"),
        )
    ]  # fmt: skip
    assert echo.heard
    for done in shown:
        assert STEERING.findall(done.out + done.err) == []


@pytest.mark.parametrize(
    "text",
    [
        "steps:\n  - id: \u202eevil\n    wait: 1s\n",
        "steps:\n  - id: ｗａｉｔ\n    wait: 1s\n",
        "steps:\n  - id: a\u0301\n    wait: 1s\n",
        "steps:\n  - id: __proto__/x\n    wait: 1s\n",
        'services: { "\u2066x": http://a }\nsteps:\n  - wait: 1s\n',
        "inputs: { \u0430: string }\nsteps:\n  - wait: 1s\n",  # the Cyrillic one
        "steps:\n  - fail: 'a\u202eb'\n    whem: 1\n",
    ],
)
def test_names_are_plain_and_what_turns_text_round_is_spelled_out(
    text: str, cli: CommandLine
) -> None:
    cli.write("u.yaml", "flowdsl: 1\n" + text)
    done = cli("validate", "u.yaml")
    assert done.code in (1, 2)
    assert "error[F" in done.err + done.out
    assert STEERING.findall(done.out + done.err) == []


# --- bombs ---------------------------------------------------------------------------------------------


def laughs(levels: int) -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "brackets": "steps: " + "[" * 50_000,
    "closed brackets": "steps: " + "[" * 50_000 + "]" * 50_000,
    "braces": "steps: " + "{a: " * 20_000,
    "dashes": "steps:\n  " + "- " * 50_000 + "x",
    "questions": "steps: " + "? " * 50_000,
    "laughs": laughs(9),
    "laughs in a body": f"{laughs(9)}\nservices: {{ a: http://a }}\nsteps: [{{ call: POST a/x, body: *l8 }}]",
    "itself": "a: &a [*a]",
    "anchors": "steps: [" + ", ".join(f"&a{n} x" for n in range(60_000)) + "]",
    "one long key": "x" * 900_000 + ": 1",
    "one long text": "name: '" + "x" * 900_000,
    "many keys": "\n".join(f"k{n}: 1" for n in range(70_000)),
    "many steps": "steps:\n" + "  - wait: 1s\n" * 60_000,
    "digits": "steps: " + "9" * 900_000,
    "exponent": "steps: 1e999999999",
    "tags": "steps: !!python/object/apply:os.system ['echo pwned > pwned']",
    "a long expression": 'steps: [{ set: { a: "${' + "(" * 4000 + '}" } }]',
    "sums": 'steps: [{ set: { a: "${' + "1+" * 2000 + '1}" } }]',
    "many expressions": "steps: [{ set: { " + ", ".join(f'a{n}: "${{1 + {n}}}"' for n in range(8000)) + " } }]",
    "folds": "name: >\n" + "  x\n" * 200_000,
    "documents": "---\n" * 100_000,
    "NULs": "name: " + "\0" * 1000,
    "surrogates": 'name: "\\ud800"',
    "names that are none": "services: { s: http://h }\nsteps:\n" + "".join(f"  - {{ id: a{n}, call: GET s/x, when: b{n} > 1 }}\n" for n in range(5000)),
    "services that are none": "services:\n" + "".join(f"  s{n}: http://h\n" for n in range(6000)) + "steps:\n" + "".join(f"  - call: GET t{n}/x\n" for n in range(6000)),
    "outputs of what is none": "steps:\n" + "".join(f"  - set: {{ a{n}: 1 }}\n" for n in range(4000)) + "outputs:\n" + "".join(f"  o{n}: ${{b{n}}}\n" for n in range(9000)),
    "patterns": "inputs: { x: { type: string, pattern: '" + "(a*)*" * 190 + "$', default: " + "a" * 3000 + "b } }\nsteps: [{ wait: 1s }]",
}  # fmt: skip


def names(number: int, text: str) -> str:
    """`text` that often, each time with another number in it."""
    return ", ".join(text.replace("#", str(n)) for n in range(number))


BOMBS |= {
    "a list of words that may be": f"inputs: {{ x: {{ type: array, items: {{ enum: [{names(20_000, 'w#')}] }}, default: [{names(20_000, 'w#')}] }} }}\nsteps: [{{ wait: 1s }}]",
    "lists that may be": f"inputs: {{ x: {{ type: array, items: {{ enum: [{names(8000, '[a#]')}] }}, default: [{names(8000, '[a#]')}] }} }}\nsteps: [{{ wait: 1s }}]",
    "one long value that may be": f"inputs: {{ x: {{ type: array, items: {{ const: [{names(15_000, 'w#')}] }}, default: [{names(1000, '[#]')}] }} }}\nsteps: [{{ wait: 1s }}]",
    "properties that are none": f"inputs: {{ x: {{ type: object, properties: {{ {names(8000, 'a#: 1')} }} }} }}\nsteps: [{{ wait: 1s }}]",
    "a payload of what is none": f"steps: [{{ wait_for: a, schema: {{ properties: {{ {names(8000, 'a#: 1')} }} }} }}]",
    "a payload of anything": f"steps: [{{ wait_for: a, schema: {{ properties: {{ {names(8000, 'a#: true')} }} }} }}]",
    "keywords that are none": f"steps: [{{ wait_for: a, schema: {{ {names(8000, 'keyw#: true')} }} }}]",
    "mistakes in a line": f"steps: [{names(3000, '{ wait: x }')}]",
    "mistakes in lines": "steps:\n" + "  - { wait: x }\n" * 3000,
    "unknown keys": f"steps: [{{ wait: 1s, {names(3000, 'kee#: 1')} }}]",
    "steps without a verb": f"steps: [{names(3000, '{ id: a }')}]",
    "steps that are words": f"steps: [{names(8000, 'x')}]",
    "steps in a line": f"services: {{ s: http://h }}\nsteps: [{names(9000, '{ call: GET s/x }')}]",
    "undos side by side": "services: { s: http://h }\nsteps:\n  - parallel:\n" + "    - { call: POST s/x, compensate: DELETE s/x }\n" * 7000,
    "services one after the other": "services:\n" + "".join(f"  s{n}: http://h\n" for n in range(6000)) + "steps:\n" + "".join(f"  - call: GET s{n}/x\n" for n in range(6000)),
    "one text of expressions": f"inputs: {{ x: string }}\nsteps: [{{ set: {{ a: '{'${inputs.x} ' * 7000}' }} }}]",
    "allowances": "services: { s: http://h }\nsteps:\n" + "  - call: POST s/x  # flowdsl: allow F012 (it is so)\n" * 6000,
}  # fmt: skip

HARMLESS = (
    *("sums", "many expressions", "patterns", "allowances"),
    *("a list of words that may be", "lists that may be", "a payload of anything"),
    *("steps in a line", "undos side by side", "services one after the other"),
    "one text of expressions",
)  # as large as may be, and soon read

GREAT = ("undos side by side", "steps in a line", "services one after the other", "allowances")


def within_bounds(project: Path, *words: str) -> tuple[int, str]:
    """Code and words of a process with little room and little time, so that what would take more is seen to fail."""
    limits = ((resource.RLIMIT_AS, 1 << 30), (resource.RLIMIT_CPU, 20))
    done = warm.run(words, project, os.environ, limits)
    return done.returncode, done.stdout + done.stderr


FORMS: tuple[Format, ...] = ("full", "concise", "json", "github", "sarif", "junit")


@pytest.mark.parametrize("shape", ["in a line", "in lines"])
def test_of_many_mistakes_a_hundred_are_told_and_the_rest_is_counted(shape: str) -> None:
    checked = check(Source("bomb.yaml", "flowdsl: 1\n" + BOMBS[f"mistakes {shape}"]))
    for form in FORMS:
        said = rendered([checked], form)
        assert len(said) < 50_000
        assert said.count("`wait` must be a duration") == (101 if form == "junit" else 100), form
        if form == "json":
            told = json.loads(said)
            assert (told["errors"], told["untold"], len(told["diagnostics"])) == (3000, 2900, 100)
        else:
            assert "… and 2,900 more" in said.replace("\\u2026", "…"), form  # JSON is ASCII


def test_a_run_of_a_file_with_many_mistakes_tells_no_more_of_them(project: Path) -> None:
    (project / "bomb.yaml").write_text("flowdsl: 1\n" + BOMBS["mistakes in a line"])
    code, said = within_bounds(project, "run", "bomb.yaml")
    assert code == 2
    assert len(said) < 50_000
    assert "… and 2,900 more" in said
    assert "has 3000 errors" in said


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_an_error_at_its_line(
    name: str, project: Path, counts: Counts, *, full: bool
) -> None:
    if name in GREAT and not full:
        pytest.skip("takes several seconds: --full")
    file = project / "bomb.yaml"
    file.write_text("flowdsl: 1\n" + BOMBS[name])
    if name in GREAT:
        for command in ("plan", "graph"):
            assert within_bounds(project, command, "bomb.yaml")[0] == 0
    code, said = within_bounds(project, "validate", "bomb.yaml")
    assert "Traceback" not in said
    if name in HARMLESS:
        assert code == 0, said[-2000:]
    else:
        assert code in (1, 2), said[-2000:]
        assert re.search(r"error\[F\d+\]", said)
        assert "bomb.yaml:" in said
    assert len(said) < 50_000
    assert not (project / "pwned").exists()
    counts.add("files that are bombs", 1)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a\r\nX-Evil: 1", "the header x-a holds a character that no header can hold"),
        ("é", "the header x-a holds a character that no header can hold"),
        ("x" * 9000, "the header x-a is longer than 8 KiB"),
        ("x" * 70_000, "is not a URL: it is longer than 65,536 characters"),
    ],
    ids=["two lines", "no ASCII", "long", "very long"],
)
def test_a_request_that_no_value_makes_right_is_tried_once_and_says_why(
    value: str, why: str, project: Path, cli: CommandLine, echo: Echo
) -> None:
    """It was tried as often as a service that is down, an undo for minutes; and a long URL hid what was wrong with it."""
    (project / "value.txt").write_bytes(value.encode())
    cli.write(
        "value.yaml",
        f"flowdsl: 1\ninputs: {{ v: string }}\nservices: {{ echo: {echo.url} }}\nsteps:\n"
        '  - { id: a, call: "GET echo/ok/${inputs.v}", headers: { x-a: "${inputs.v}" } }\n',
    )
    done = cli("run", "value.yaml", "-i", "v=@value.txt", "--json")
    assert done.code == 1
    assert done.json["steps"]["a"]["attempts"] == 1
    assert done.json["error"]["code"] == "F112"
    assert why in done.json["error"]["message"]
    assert echo.heard == []


@pytest.mark.parametrize(
    "value",
    [
        "9" * 5000,
        "1e999999999",
        "-1e999999999",
        "0x" + "f" * 5000,
        "1_000",
        "nan",
        "inf",
        "٣",
        "1e5000",
        "--1",
    ],
)
def test_a_number_beyond_reason_is_refused(value: str, project: Path, cli: CommandLine) -> None:
    cli.write(
        "n.yaml",
        "flowdsl: 1\ninputs: { n: number }\nsteps:\n  - set: { m: '${inputs.n * inputs.n}' }\n",
    )
    (project / "n.json").write_text(f'{{"n": {value}}}')
    for words in (("run", "n.yaml", "-i", f"n={value}"), ("run", "n.yaml", "-f", "n.json")):
        done = cli(*words)
        assert done.code == 2, done.err[:300]
        assert len(done.err) < 3000


def test_a_large_number_is_worked_with_within_bounds(project: Path, cli: CommandLine) -> None:
    steps = "".join(f"  - set: {{ m{n}: '${{m{n - 1} * m{n - 1}}}' }}\n" for n in range(1, 12))
    cli.write(
        "n.yaml",
        f"flowdsl: 1\ninputs: {{ n: number }}\nsteps:\n  - set: {{ m0: '${{inputs.n}}' }}\n{steps}",
    )
    done = cli("run", "n.yaml", "-i", f"n={'9' * 900}")
    assert done.code == 1, done.err[-300:]
    assert "F114" in done.err


# --- a file that changes ----------------------------------------------------------------------------------


def test_a_file_is_read_once_by_a_run(project: Path, cli: CommandLine, echo: Echo) -> None:
    """A pipe gives its text once: whoever read it again would hang or find another."""
    pipe = project / "once.yaml"
    os.mkfifo(pipe)
    text = WORKFLOW.format(url=echo.url)
    writer = threading.Thread(target=lambda: pipe.write_text(text))
    writer.start()
    done = cli("run", "once.yaml", "-i", "v=x")
    writer.join(10)
    assert done.code == 0, done.err
    assert echo.heard == ["POST /ok/a/x/z?q=x&more=x"]


def test_a_file_that_changes_after_validate_is_validated_again(
    cli: CommandLine, echo: Echo
) -> None:
    good = WORKFLOW.format(url=echo.url)
    cli.write("c.yaml", good)
    assert cli("validate", "c.yaml").code == 0
    cli.write("c.yaml", good.replace("${inputs.v}/z", "${inputs.w}/z"))
    done = cli("run", "c.yaml", "-i", "v=x")
    assert (done.code, echo.heard) == (2, [])
    assert "F042" in done.err


def test_a_file_that_changes_under_a_run_changes_nothing_in_it(
    project: Path, cli: CommandLine, echo: Echo
) -> None:
    text = WORKFLOW.format(url=echo.url).replace("steps:\n", "steps:\n  - wait: 50ms\n")
    cli.write("c.yaml", text)
    done = cli("run", "c.yaml", "-i", "v=x", "--id", "r", "--no-wait")
    assert (done.code, echo.heard) == (4, [])
    cli.write("c.yaml", text.replace("/a/", "/evil/"))
    assert cli("resume", "r").code == 0
    assert echo.heard == ["POST /ok/a/x/z?q=x&more=x"]
    (project / "c.yaml").unlink()
    assert cli("rerun", "r").code == 0
    assert echo.heard[1:] == echo.heard[:1]
