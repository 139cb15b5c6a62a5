"""From the request in the intent to the one on the wire: secrets put in, everything checked before.

Whatever cannot be built is found here, while it is certain that nothing has left. A reason never
holds the value of a secret.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from flowdsl.plan.body import kind_of
from flowdsl.plan.request import BasicCredentials, Request
from flowdsl.plan.values import Sealed, Secret
from flowdsl.version import __version__

if TYPE_CHECKING:
    import httpx

URL_CHARACTERS_MAX = 64 * 1024
SHOWN_CHARACTERS_MAX = 120
HEADER_CHARACTERS_MAX = 8 * 1024

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
PLAIN_URL = re.compile(
    r"(https?://[A-Za-z0-9.\-]+(?::[0-9]+)?)((?:[/?](?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?)"
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
PLAIN_ORIGIN = re.compile(
    rf"(https?)://((?!xn--)[a-z][a-z0-9.\-]*|(?:{_OCTET}\.){{3}}{_OCTET})(?::([1-9][0-9]{{0,3}}|[1-5][0-9]{{4}}))?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

DEFAULT_PORTS = MappingProxyType({"http": 80, "https": 443})

# They decide where a request ends and how it travels: ours alone.
OWN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class Unbuildable(Exception):
    """Why this request cannot be sent."""


class Outgoing(Struct, frozen=True):
    """A request with its secrets in it. `target` is the path with its query; names of headers are in lower case."""

    method: str
    origin: Origin
    target: str
    headers: Mapping[str, str]
    content: bytes | None

    @property
    def url(self) -> str:
        return f"{self.origin.scheme}://{self.origin.authority}{self.target}"


class Origin(Struct, frozen=True):
    """Where a service is. `authority` is it as it stands in a URL and in `Host`."""

    scheme: str
    host: str
    port: int
    authority: str


def build(request: Request, secrets: Mapping[str, str]) -> Outgoing:
    """Unbuildable if any part of it cannot stand on the wire."""
    if not TOKEN.fullmatch(request.method):
        raise Unbuildable(f"{request.method!r} is not an HTTP method")
    origin, target = _split(request.url)
    headers = _headers(request, secrets)
    return Outgoing(request.method, origin, target, headers, body_bytes(request, secrets))


def body_bytes(request: Request, secrets: Mapping[str, str]) -> bytes | None:
    """The body as it goes out, secrets included: what the HMAC of an intent is taken of."""
    if request.body is None:
        return None
    try:
        return _unsealed(request.body, secrets, kind_of(request).escaped).encode()
    except UnicodeEncodeError:
        raise Unbuildable("the body holds a character that is not Unicode text") from None


def _shown(text: str) -> str:
    """What is wrong with it stands behind it, and is to be seen."""
    return repr(text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}…")


def _split(text: str) -> tuple[Origin, str]:
    """Most URLs are of few services and go out as they are; the others are read, and written anew where they must be."""
    found = PLAIN_URL.fullmatch(text)
    if found is not None and len(text) <= URL_CHARACTERS_MAX and "/." not in found[2]:
        target = found[2]
        return _origin(found[1]), target if target.startswith("/") else f"/{target}"
    url = _url(text)
    return _origin_of(url), url.raw_path.decode("ascii")


@lru_cache(maxsize=1024)
def _origin(text: str) -> Origin:
    """Most are as they should be, and are not read by httpx: its import takes longer than a short run."""
    found = PLAIN_ORIGIN.fullmatch(text)
    if found is None:
        return _origin_of(_url(text))
    scheme, host = found[1], found[2]
    usual = DEFAULT_PORTS[scheme]
    port = int(found[3] or usual)
    return Origin(scheme, host, port, host if port == usual else f"{host}:{port}")


def _origin_of(url: httpx.URL) -> Origin:
    port = url.port or DEFAULT_PORTS[url.scheme]
    return Origin(url.scheme, url.host, port, url.netloc.decode("ascii"))


def _url(text: str) -> httpx.URL:
    if len(text) > URL_CHARACTERS_MAX:
        raise Unbuildable(
            f"{_shown(text)} is not a URL: it is longer than {URL_CHARACTERS_MAX:,} characters"
        )
    import httpx

    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise Unbuildable(f"{_shown(text)} is not a URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Unbuildable(f"{_shown(text)} is not an http or https URL")
    if url.port is not None and not 0 < url.port < 65536:
        raise Unbuildable(f"{url.port} is not a port")
    if url.userinfo:
        raise Unbuildable("a URL may not hold a user name or password; write them in `auth:`")
    return url


def _headers(request: Request, secrets: Mapping[str, str]) -> dict[str, str]:
    headers = {"accept": "*/*", "user-agent": f"flowdsl/{__version__}"}
    if request.body is not None:
        headers["content-type"] = "application/json"
    for name, sealed in request.headers:
        if not TOKEN.fullmatch(name):
            raise Unbuildable(f"{name!r} is not a header name")
        if name.lower() in OWN_HEADERS:
            raise Unbuildable(f"the header {name} is set by flowdsl itself")
        value = _unsealed(sealed, secrets).strip(" \t")
        if not HEADER_VALUE.fullmatch(value):
            raise Unbuildable(f"the header {name} holds a character that no header can hold")
        if len(value) > HEADER_CHARACTERS_MAX:
            raise Unbuildable(f"the header {name} is longer than 8 KiB")
        headers[name.lower()] = value
    if request.basic is not None:
        headers["authorization"] = _basic(request.basic, secrets)
    headers["accept-encoding"] = "identity"
    return headers


def _basic(basic: BasicCredentials, secrets: Mapping[str, str]) -> str:
    """By RFC 7617, in UTF-8."""
    user, password = _unsealed(basic.user, secrets), _unsealed(basic.password, secrets)
    if ":" in user:
        raise Unbuildable("the user of `auth: { basic: … }` holds a `:`, where the password begins")
    if _CONTROL.search(user + password):
        raise Unbuildable("user or password of `auth: { basic: … }` hold a control character")
    try:
        credentials = f"{user}:{password}".encode()
    except UnicodeEncodeError:
        raise Unbuildable("user or password of `auth: { basic: … }` are not Unicode text") from None
    value = f"Basic {b64encode(credentials).decode()}"
    if len(value) > HEADER_CHARACTERS_MAX:
        raise Unbuildable("the header Authorization is longer than 8 KiB")
    return value


def _unsealed(
    sealed: Sealed, secrets: Mapping[str, str], written: Callable[[str], str] = str
) -> str:
    parts: list[str] = []
    for part in sealed:
        if isinstance(part, Secret):
            value = secrets.get(part.name)
            if value is None:
                raise Unbuildable(f"the secret {part.name} is not set")
            parts.append(written(value))
        else:
            parts.append(part)
    return "".join(parts)
