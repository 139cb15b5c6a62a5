"""A value for every place where a secret may stand, made so that each spelling of it differs, and the search for them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

# Letters and digits that no encoding but base64 and hex touches stand within each: whatever is left of one is found.
CANARIES: Mapping[str, str] = MappingProxyType(
    {
        "AUTH": "kQ3auth7Zx9wLmPa+/=",
        "HEADER": 'hV8"head4Tr\\Nc6yBs1',
        "TEXT": "tX2 text5Gj&Wd8;qFz",
        "BODY": 'bD6 "body" ü/€ 1Rk9Pn3Vt',
        "DOTENV": "eN4dote<nv>%41 Ym7Kc2Hs",
        "FILED": "fL9 file\\u0041d Uq5Js8Xb",
        "OTP": 'iN7 😀 "input"\n Cw3Mf6Dg',
    }
)
CORES = (
    "kQ3auth7Zx9wLmPa", "hV8", "head4Tr", "Nc6yBs1", "text5Gj", "Wd8", "1Rk9Pn3Vt", "Ym7Kc2Hs", "eN4dote", "Uq5Js8Xb", "Cw3Mf6Dg",
)  # fmt: skip


def needles() -> Iterator[tuple[str, bytes]]:
    for core in CORES:
        raw = core.encode()
        yield core, raw
        if len(raw) < 7:
            continue
        yield f"{core} in hex", raw.hex().encode()
        yield f"{core} in HEX", raw.hex().upper().encode()
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
            kept = encoded[shift + (shift > 0) : len(encoded) - bool((shift + len(raw)) % 3)]
            yield f"{core} in base64", kept


NEEDLES = tuple(needles())


def leaks(where: str, content: bytes) -> list[str]:
    return [f"{name} in {where}" for name, needle in NEEDLES if needle in content]


def leaks_in_folder(folder: Path) -> list[str]:
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        found += leaks(f"the name {path.name}", path.name.encode())
        if path.is_file():
            found += leaks(str(path.relative_to(folder)), path.read_bytes())
    return found
