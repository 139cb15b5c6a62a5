"""What can be built is built as written; what cannot is found before anything leaves."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.values import Sealed, Secret
from flowdsl.world.network.outgoing import PLAIN_ORIGIN, Unbuildable, body_bytes, build
from flowdsl.world.network.wire import message

URL = "http://service/things"

BAD: list[tuple[Request, str]] = [
    (Request("GE T", URL), "not an HTTP method"),
    (Request("", URL), "not an HTTP method"),
    (Request("GET", "http://[::1"), "not a URL"),
    (Request("GET", "http://host:99999/"), "not a port"),
    (Request("GET", "http://a\nb/"), "not a URL"),
    (Request("GET", "/things"), "not an http or https URL"),
    (Request("GET", "ftp://host/"), "not an http or https URL"),
    (Request("GET", "http:///x"), "not an http or https URL"),
    (Request("GET", "http://ada:pw@host/"), "user name or password"),
    (Request("GET", URL, (("X Y", ("v",)),)), "not a header name"),
    (Request("GET", URL, (("X-Y\n", ("v",)),)), "not a header name"),
    (Request("GET", URL, (("X-Y", ("a\r\nb",)),)), "no header can hold"),
    (Request("GET", URL, (("X-Y", ("é",)),)), "no header can hold"),
    (Request("GET", URL, (("X-Y", ("v" * 9000,)),)), "8 KiB"),
    (Request("GET", URL, (("Content-Length", ("3",)),)), "set by flowdsl itself"),
    (Request("GET", URL, (("transfer-ENCODING", ("chunked",)),)), "set by flowdsl itself"),
    (Request("GET", URL, (("X-Y", (Secret("GONE"),)),)), "the secret GONE is not set"),
    (Request("POST", URL, (), ("\ud800",)), "not Unicode"),
    (Request("GET", URL, basic=BasicCredentials((Secret("GONE"),))), "the secret GONE is not set"),
    (Request("GET", URL, basic=BasicCredentials(("a:b",))), "where the password begins"),
    (Request("GET", URL, basic=BasicCredentials(("a",), ("b\n",))), "control character"),
    (Request("GET", URL, basic=BasicCredentials(("\ud800",))), "not Unicode"),
    (Request("GET", URL, basic=BasicCredentials(("a" * 7000,))), "8 KiB"),
]


@pytest.mark.parametrize(("request_", "says"), BAD)
def test_what_cannot_stand_on_the_wire_is_unbuildable(request_: Request, says: str) -> None:
    with pytest.raises(Unbuildable, match=says):
        build(request_, {})


@pytest.mark.parametrize(
    ("basic", "value"),
    [
        (
            BasicCredentials(("Aladdin",), ("open sesame",)),
            "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),  # of RFC 7617
        (BasicCredentials(("test",), ("123£",)), "dGVzdDoxMjPCow=="),  # of RFC 7617, in UTF-8
        (BasicCredentials((Secret("USER"),)), "c2tfbGl2ZTo="),
        (
            BasicCredentials(("of-", Secret("USER")), (Secret("PASSWORD"), "!")),
            "b2Ytc2tfbGl2ZTphOmIh",
        ),
    ],
)
def test_user_and_password_go_out_as_rfc_7617_has_them(basic: BasicCredentials, value: str) -> None:
    secrets = {"USER": "sk_live", "PASSWORD": "a:b"}
    built = build(Request("GET", URL, basic=basic), secrets)
    assert built.headers["authorization"] == f"Basic {value}"


def test_defaults_give_way_and_identity_does_not() -> None:
    headers: tuple[tuple[str, Sealed], ...] = (
        ("Content-Type", ("application/vnd.x+json",)),
        ("User-Agent", ("mine",)),
        ("Accept-Encoding", ("gzip",)),
        ("Host", ("virtual",)),
    )
    built = build(Request("POST", URL, headers, ("{}",)), {}).headers
    assert built["content-type"] == "application/vnd.x+json"
    assert built["user-agent"] == "mine"
    assert built["accept-encoding"] == "identity"
    assert built["host"] == "virtual"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_secret_in_a_body_is_the_content_of_a_json_string(value: str) -> None:
    body = body_bytes(Request("POST", URL, (), ('{"a": "x ', Secret("S"), '"}')), {"S": value})
    assert body is not None
    assert json.loads(body) == {"a": f"x {value}"}


@given(st.text(), st.text(), st.text(), st.text())
def test_building_raises_nothing_but_unbuildable(
    method: str, url: str, name: str, value: str
) -> None:
    for request in (
        Request(method, "http://h/" + url),
        Request("GET", url),
        Request("GET", URL, ((name, (value,)),), (value,)),
        Request("GET", URL, (("X", (Secret("S"),)),), (Secret("S"),)),
    ):
        try:
            built = build(request, {"S": value})
        except Unbuildable:
            continue
        assert not any(set(value) & set("\r\n\0") for value in built.headers.values())
        assert not set(built.target) & set("\r\n\0 ")
        assert message(built, fresh=True).count(b"\r\n\r\n") >= 1


ORIGINS = [
    "http://service", "https://service", "http://a.b-c.example:8080", "https://a:443", "http://a:80", "http://a:443", "https://127.0.0.1",
    "http://10.0.0.255:59999", "http://a.", "http://a..b", "http://a-", "http://xn--a",
]  # fmt: skip


@given(st.sampled_from(ORIGINS) | st.from_regex(r"\Ahttps?://[a-z0-9.-]{1,12}(:[0-9]{1,5})?\Z"))
def test_an_origin_is_read_as_httpx_reads_it(text: str) -> None:
    if PLAIN_ORIGIN.fullmatch(text) is None:
        return
    origin, url = build(Request("GET", f"{text}/"), {}).origin, httpx.URL(text)
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    assert (origin.scheme, origin.host, origin.port) == (url.scheme, url.host, port)
    assert origin.authority == url.netloc.decode()


def test_most_origins_need_no_httpx() -> None:
    plain = [text for text in ORIGINS if PLAIN_ORIGIN.fullmatch(text)]
    assert len(plain) == len(ORIGINS) - 1
