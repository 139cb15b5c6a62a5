"""The version of flowdsl; `pyproject.toml` says the same. Apart from the package, so that every floor may name it."""

from __future__ import annotations

__version__ = "0.1.0"
