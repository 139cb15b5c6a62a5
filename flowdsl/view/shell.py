"""Words of a command that is there to be copied into a shell."""

from __future__ import annotations

from shlex import quote

from flowdsl.view.paint import visible


def shell_word(text: str) -> str:
    r"""The text in quotes, if it needs any; `$'a\xff'` where a terminal would not show it as it is."""
    if visible(text) == text:
        return quote(text)
    return f"$'{''.join(map(_character, text))}'"


def _character(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if visible(character) == character:
        return character
    octets = character.encode(
        "utf-8", "surrogateescape" if _is_octet(character) else "surrogatepass"
    )
    return "".join(f"\\x{octet:02x}" for octet in octets)


def _is_octet(character: str) -> bool:
    """A byte that is not UTF-8, as Python hands it over."""
    return "\udc80" <= character <= "\udcff"
