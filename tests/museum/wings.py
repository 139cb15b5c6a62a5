"""The museum by wings: the bugs of one area each. A wing is a module with its `EXHIBITS`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tests.museum import files, hosts, journal, lives, network, redaction
from tests.museum.exhibit import Exhibit

WINGS: Mapping[str, tuple[Exhibit, ...]] = MappingProxyType(
    {
        "files": files.EXHIBITS,
        "hosts": hosts.EXHIBITS,
        "journal": journal.EXHIBITS,
        "lives": lives.EXHIBITS,
        "network": network.EXHIBITS,
        "redaction": redaction.EXHIBITS,
    }
)
