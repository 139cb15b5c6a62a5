"""A secret that a service says back is masked, in whatever form it comes, and what was masked can be opened again."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.json import to_text
from flowdsl.plan.masked import Masked, StandIn
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json, Secret
from flowdsl.world.secrets.masked_request import mask_request
from flowdsl.world.secrets.opening import Opening
from flowdsl.world.secrets.redaction import Redaction
from flowdsl.world.secrets.spellings import Read, Sought, Spelled


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


ODD_FORMS: list[Callable[[str], str]] = [  # found, and not known well enough to be written again
    lambda value: quote(value, safe="").replace("%2F", "%2f"),
    lambda value: "".join(f"&#X{ord(letter):04X};" if not letter.isalnum() else letter for letter in value),
    lambda value: "".join(f"\\u{unit}" for unit in value.encode("utf-16-be").hex(" ", 2).split()),
    lambda value: "".join(f"&#{ord(letter)};" for letter in value),
]  # fmt: skip
FORMS: list[Callable[[str], str]] = [
    *ODD_FORMS,
    str,
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: quote(value, safe=""),
    quote_plus,
    b64,
    lambda value: b64(value).rstrip("="),
    lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    lambda value: json.dumps(json.dumps(value)),
    lambda value: json.dumps({"said": json.dumps({"token": value}, ensure_ascii=False)}),
    lambda value: json.dumps(value).replace("/", "\\/"),
    lambda value: json.dumps(value).upper() if value.isupper() else json.dumps(value),
    html.escape,
    lambda value: "".join(f"&#{ord(letter)};" if letter in "&<>'\"" else letter for letter in value),
    lambda value: value.encode("latin-1", "replace").decode("utf-8", "replace"),
    lambda value: value.encode().decode("latin-1"),
    lambda value: value.encode("utf-16-le").decode("utf-8", "replace") if value.isascii() else value,
    lambda value: quote(quote(value, safe=""), safe=""),
    lambda value: quote(quote(quote(value, safe=""), safe=""), safe=""),
]  # fmt: skip
LONG_FORMS: list[Callable[[str], str]] = [
    lambda value: value.encode().hex(),
    lambda value: value.encode().hex().upper(),
]
SECRETS = [
    "hunter2!",
    "pä/ss wörd+1",
    'a"b\\c',
    "€€€€",
    "ÿÿÿÿ>>>???",
    "sk_live_51H",
    'pä"ss',
    "a\\\\'\\/\nb<&>",
    "key 😀 /x",
]


@pytest.mark.parametrize("value", SECRETS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_taken_out(form: Callable[[str], str], value: str) -> None:
    clean = Redaction({"T": value}).text(f"before {form(value)} after")
    assert clean.startswith("before ")
    assert clean.endswith(" after")
    assert "‹secret T›" in clean
    assert form(value).strip('"=') not in clean


@pytest.mark.parametrize("value", [value for value in SECRETS if len(value.encode()) >= 8])
@pytest.mark.parametrize("form", LONG_FORMS)
def test_a_long_one_is_taken_out_in_hex_too(form: Callable[[str], str], value: str) -> None:
    assert Redaction({"T": value}).text(f"<{form(value)}>") == "<‹secret T›>"


@given(st.text(min_size=4), st.text(), st.data())
def test_the_quick_look_misses_nothing_that_the_thorough_one_finds(
    value: str, around: str, data: st.DataObject
) -> None:
    """Each letter escaped in a way of its own, and whatever stands around it."""
    ways: list[Callable[[str], str]] = [
        str,
        lambda letter: quote(letter, safe=""),
        lambda letter: json.dumps(letter)[1:-1],
        html.escape,
    ]
    way = data.draw(st.sampled_from(ways))
    text = around + "".join(way(letter) if data.draw(st.booleans()) else letter for letter in value)
    redaction = Redaction({"T": value})
    (sought,) = (one for one in redaction._sought if one.value == value)
    assert sought.may_stand_in(Read(text)) or sought.cut(text) == [text]


def test_much_text_without_a_secret_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thorough search, some forty times as long, is for what may hold one; that is counted, for a clock says little."""
    redaction = Redaction({str(number): f"secret-{number:08}" for number in range(20)})
    searched: list[str] = []
    thorough = Sought.cut

    def counted(self: Sought, text: str) -> list[str | Spelled]:
        searched.append(self.value)
        return thorough(self, text)

    monkeypatch.setattr(Sought, "cut", counted)
    text = '{"id": "abc", "name": "some text"}, ' * 20_000
    assert redaction.text(text) is text
    assert searched == []
    redaction.text("a secret-00000007")
    assert searched == ["secret-00000007"]


def test_much_text_with_a_secret_in_it_is_soon_through() -> None:
    """Whoever is given secrets and says one back at the end of much that looks like another holds up nobody."""
    redaction = Redaction({str(number): f"secret-{number:08}" for number in range(20)})
    text = "s" * 4_000_000 + "secret-00000007"
    begun = time.process_time()
    assert redaction.text(text).endswith("‹secret 7›")
    assert time.process_time() - begun < 4.0


def test_a_secret_of_backslashes_is_no_trap() -> None:
    begun = time.process_time()
    Redaction({"T": "\\" * 40 + "é" * 40}).text("\\" * 5000 + "é" * 39 + "\\" * 5000)
    assert time.process_time() - begun < 2.0


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "ada", "admin"])
@pytest.mark.parametrize("value", [*(v for v in SECRETS if len(v.encode()) >= 8), "hunte2"])
def test_basic_auth_with_the_secret_inside_is_taken_out_whole(user: str, value: str) -> None:
    token = b64(f"{user}:{value}:x")
    assert Redaction({"T": value}).text(f"Basic {token}.") == "Basic ‹secret T›."


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase])
@pytest.mark.parametrize("form", [str, json.dumps, lambda value: quote(value, safe="")])
@pytest.mark.parametrize("value", ["sk_live_51H", "Key/of 8Tr", "pä/SS wörd+1"])
def test_large_letters_and_small_ones_hide_nothing(
    value: str, form: Callable[[str], str], change: Callable[[str], str]
) -> None:
    assert Redaction({"T": value}).text(f"<{form(change(value))}>").strip('<">') == "‹secret T›"


@pytest.mark.parametrize("value", ["hunter2 ", " hunter2", "hunter2\n", "\thunter2\r\n"])
@pytest.mark.parametrize("form", [str, b64, lambda value: value.encode().hex()])
def test_a_service_that_trims_what_it_was_given_hides_nothing(
    value: str, form: Callable[[str], str]
) -> None:
    """A header is trimmed by whoever sends it, a form by whoever reads it."""
    assert "‹secret T›" in Redaction({"T": value}).text(f"it is {form('hunter2')}, said")
    assert Redaction({"T": "ab\n"}).value({"pin": "ab"}) == {"pin": "‹secret T›"}


def test_what_stands_within_a_secret_that_is_json_is_secret() -> None:
    """A secret input may be an object, and a key of a cloud service often is one."""
    secret = json.dumps({"pan": "4929-1234", "more": [{"cvv": "12"}, 73645, None, True, ""]})
    redaction = Redaction({"T": secret})
    assert redaction.value(secret) == "‹secret T›"
    assert redaction.text("card 4929-1234 73645") == "card ‹secret T› ‹secret T›"
    assert redaction.value([12, "12", 73645, None, True, "", "pan"]) == [
        "‹secret T›", "‹secret T›", "‹secret T›", None, True, "", "pan",
    ]  # fmt: skip
    assert Redaction({"T": '{"not": JSON 8'}).text('a {"not": JSON 8') == "a ‹secret T›"


VALUES: list[tuple[str, Json, Json]] = [
    ("4921", Decimal("4921.0"), "‹secret T›"),
    ("1.0", 1, "‹secret T›"),
    ("4921", "pin 4921", "pin ‹secret T›"),
    ("4921", 4921, "‹secret T›"),
    ("4921", 49210, 49210),
    ("49.21", Decimal("49.21"), "‹secret T›"),
    ("123", {"cvv": "123"}, {"cvv": "‹secret T›"}),
    ("123", "1234", "1234"),
    ("1", 1, "‹secret T›"),
    ("1", "1", "‹secret T›"),
    ("", "", ""),
    ("true", True, True),
    ("name", {"name": None}, "‹secret T›"),
    ("name", [["a name"]], [["a ‹secret T›"]]),
]


@pytest.mark.parametrize(("secret", "value", "clean"), VALUES)
def test_values_are_cleaned_wherever_they_stand(secret: str, value: Json, clean: Json) -> None:
    assert Redaction({"T": secret}).value(value) == clean


def test_the_longer_of_two_secrets_is_taken_out_whole() -> None:
    redaction = Redaction({"SHORT": "abcd", "LONG": "abcdefgh"})
    assert redaction.text("abcdefgh abcd") == "‹secret LONG› ‹secret SHORT›"


def test_headers_are_masked_and_one_with_a_secret_in_its_name_masks_them_all() -> None:
    redaction = Redaction({"T": "hunter2"})
    assert redaction.headers({"x": "a hunter2", "y": "b"}) == {"x": "a ‹secret T›", "y": "b"}
    named = {"x-hunter2-id": "1", "y": "b"}
    assert redaction.headers(named) == {"all": "‹secret T›"}
    assert Opening(redaction).headers(redaction.headers(named)) == named


def test_it_shows_names_and_no_values() -> None:
    assert repr(Redaction({"B": "hunter2", "A": "x"})) == "Redaction(A, B)"


@given(st.text(min_size=4), st.text(), st.text())
def test_a_secret_is_never_left(value: str, before: str, after: str) -> None:
    clean = Redaction({"_": value}).text(before + value + after)
    assert value not in clean.replace("‹secret _›", "") or value in "‹secret _›"


# --- and back ----------------------------------------------------------------------------------------

OPENED: list[Callable[[str], str]] = [
    *(form for form in FORMS if form not in ODD_FORMS),
    *LONG_FORMS,
    str.upper,
    str.lower,
    str.title,
    lambda value: b64(f"ada:{value}"),
    lambda value: f"x{b64(f'ada:{value}:z')}",
]


@pytest.mark.parametrize("value", [value for value in SECRETS if len(value.encode()) >= 8])
@pytest.mark.parametrize("form", OPENED)
def test_what_was_masked_is_opened_to_the_letter(form: Callable[[str], str], value: str) -> None:
    redaction = Redaction({"T": value}, b"key")
    text = f"before {form(value)} after"
    masked = redaction.value({"said": [text]})
    assert "‹secret T›" in to_text(masked)
    assert Opening(redaction).value(masked) == {"said": [text]}


@given(st.text(min_size=1, max_size=12), st.data())
def test_nothing_is_opened_to_anything_but_what_it_was(value: str, data: st.DataObject) -> None:
    """Texts, names and numbers with a secret among them: each comes back, or is lost and says whose secret it held."""
    words = st.sampled_from([value, f"a {value}", value.upper(), b64(value), quote(value)])
    leaves = st.none() | st.booleans() | st.integers(0, 20) | st.text(max_size=4) | words
    fields = st.dictionaries(st.text(max_size=3) | words, leaves, max_size=3)
    said: Json = data.draw(st.lists(leaves | fields, max_size=4))  # type: ignore[assignment]
    redaction = Redaction({"T": value}, b"key")
    opening = Opening(redaction)
    opened = opening.value(redaction.value(said))
    assert opened == said or opening.lost == {"T"}


def test_a_number_comes_back_as_a_number() -> None:
    redaction = Redaction({"T": "420"}, b"key")
    said: Json = [420, "420", 4200, Decimal("420.00"), Decimal("4.2E+2")]
    masked = redaction.value(said)
    assert to_text(masked).count("‹secret T›") == 4
    assert to_text(Opening(redaction).value(masked)) == '[420,"420",4200,420.00,4.2E+2]'


def test_with_another_secret_nothing_is_opened_and_it_is_said_which() -> None:
    masked = Redaction({"T": "hunter2"}, b"key").value(["a hunter2", "b"])
    for secrets in ({}, {"T": "hunter3"}, {"U": "hunter2"}):
        opening = Opening(Redaction(secrets, b"key"))
        assert opening.value(masked) == ["a ‹secret T›", "b"]
        assert opening.lost == {"T"}


def test_whoever_writes_a_reference_themselves_has_nothing_opened() -> None:
    """A service that knows how references are kept cannot have one of its own filled in."""
    forged = Masked.of((StandIn("T"),), "0" * 32)
    assert Opening(Redaction({"T": "hunter2"}, b"key")).value(forged) == "‹secret T›"


REQUEST = Request(
    "POST",
    "http://420:9000/holds/h-testing-1/420?of=420&q=test",
    (("X-Token", (Secret("T"), "/testing")), ("Content-Type", ("application/json",))),
    ('{"id":"h-test-1","amount":420,"more":["420",42000,"', Secret("T"), '"],"a\\"b":"test"}'),
)  # fmt: skip


def test_a_request_is_masked_in_path_query_headers_and_body_and_comes_back_to_the_byte() -> None:
    redaction = Redaction({"T": "test", "cvv": "420"}, b"key")
    masked = mask_request(redaction, REQUEST)
    assert masked.url == (
        "http://420:9000/holds/h-‹secret T›ing-1/‹secret cvv›?of=‹secret cvv›&q=‹secret T›"
    )
    assert masked.headers[0] == ("X-Token", (Secret("T"), "/‹secret T›ing"))
    assert masked.body is not None
    assert "".join(part for part in masked.body if isinstance(part, str)) == (
        '{"id":"h-‹secret T›-1","amount":"‹secret cvv›","more":["‹secret cvv›",42000,""]'
        ',"a\\"b":"‹secret T›"}'
    )
    assert Opening(redaction).request(masked) == REQUEST


def test_a_secret_of_before_is_known_by_its_length_and_its_seal() -> None:
    before = Redaction({"T": "OLDCANARY-1"}, b"key")
    redaction = Redaction({"T": "NEWCANARY-1"}, b"key", before.fingerprints())
    assert redaction.value("Bearer OLDCANARY-1 was rotated") == "Bearer ‹secret T› was rotated"
    assert redaction.value('{"token": "OLDCANARY-1"}') == '{"token": "‹secret T›"}'
    assert redaction.value(["OLDCANARY-1", "OLDCANARY-2"]) == ["‹secret T›", "OLDCANARY-2"]
    assert Redaction({"T": "NEWCANARY-1"}, b"key").value("OLDCANARY-1") == "OLDCANARY-1"
    opening = Opening(redaction)
    opening.value(redaction.value("OLDCANARY-1"))
    assert opening.lost == {"T"}, "nobody has it any more"
