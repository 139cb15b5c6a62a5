"""Where values come from, in which order, and that they show nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowdsl.errors import InputError
from flowdsl.world.secrets.values import FILE_BYTES_MAX, Secrets


def read(folder: Path, names: list[str], **environment: str) -> Secrets:
    return Secrets.read(names, folder=folder, environment=environment)


def test_a_named_file_wins_over_the_environment_and_that_over_dot_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=beside\nB=beside\nC=beside\n")
    named = tmp_path / "named"
    named.write_text("A=named\n")
    found = Secrets.read(
        ["A", "B", "C", "D"], folder=tmp_path, file=named, environment={"A": "env", "B": "env"}
    )
    assert dict(found) == {"A": "named", "B": "env", "C": "beside"}
    assert len(found) == 3
    assert found.missing(["D", "A", "E", "D"]) == ["D", "E"]


def test_the_environment_of_the_process_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWDSL_TEST_TOKEN", "t")
    assert Secrets.read(["FLOWDSL_TEST_TOKEN"], folder=tmp_path)["FLOWDSL_TEST_TOKEN"] == "t"


def test_only_what_is_named_is_kept_and_an_empty_value_is_missing(tmp_path: Path) -> None:
    found = read(tmp_path, ["A"], A="", B="other")
    assert dict(found) == {"A": ""}
    assert found.missing(["A"]) == ["A"]


def test_dot_env_is_not_opened_when_nothing_is_looked_for_in_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("this is nothing\n")
    assert dict(read(tmp_path, ["A"], A="1")) == {"A": "1"}


LINES: list[tuple[str, str]] = [
    ("A=1", "1"),
    ("  export A = 1  ", "1"),
    ("A=a b c", "a b c"),
    ("A=a # comment", "a"),
    ("A=a#b", "a#b"),
    ("A=", ""),
    ("A=# comment", ""),
    ('A="a # b" # comment', "a # b"),
    ("A='a # $b\\n'", "a # $b\\n"),
    ('A="a\\"b\\\\c\\nd\\$"', 'a"b\\c\nd$'),
    ("A=x=y==", "x=y=="),
    ("A=1\r", "1"),
    ("A=0\n\n# A=2\nA=1", "1"),
    ("\ufeffA=1", "1"),
]


@pytest.mark.parametrize(("text", "value"), LINES)
def test_a_line_is_read(tmp_path: Path, text: str, value: str) -> None:
    (tmp_path / ".env").write_text(text, newline="")
    assert read(tmp_path, ["A"])["A"] == value


@pytest.mark.parametrize("line", ["hunter2", "=hunter2", "1A=hunter2", 'A="hunter2', "A='hunter2"])
def test_a_bad_line_is_named_by_its_place_and_not_shown(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"# first\n{line}\n")
    with pytest.raises(InputError, match=r"\.env:2: this line is not NAME=VALUE") as caught:
        read(tmp_path, ["A"])
    assert "hunter2" not in f"{caught.value} {caught.value.help}"
    assert caught.value.code
    assert caught.value.help


@pytest.mark.parametrize("content", [None, b"\xff", b"#" * (FILE_BYTES_MAX + 1)])
def test_a_file_that_cannot_be_read_is_an_input_error(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "named"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match="named: ") as caught:
        Secrets.read(["A"], folder=tmp_path, file=file, environment={})
    assert caught.value.code
    assert caught.value.help


def test_no_value_shows_in_the_repr() -> None:
    assert repr(Secrets({"B": "hunter2", "A": "x"})) == "Secrets(A, B)"


def test_a_variable_that_is_not_utf8_is_refused_by_name_without_its_value(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`A` .* not UTF-8") as refusal:
        Secrets.read(["A"], folder=tmp_path, environment={"A": "hunter2\udcff"})
    assert "hunter2" not in refusal.value.message
