"""The first look at an expression's text, before Python's parser sees it.

It bounds length and nesting (so that the parser can be given anything), and it recognises what people
write from the habit of other languages, to answer with the word this language has for it.
"""

from __future__ import annotations

import re
import unicodedata
from keyword import iskeyword
from types import MappingProxyType

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.plan.expression.fault import ExpressionError

MAXIMUM_LENGTH = 4096
MAXIMUM_DEPTH = 32


class Token(Struct, frozen=True):
    kind: str  # name, number, text, operator
    text: str
    start: int

    @property
    def ends_operand(self) -> bool:
        return self.kind in {"number", "text"} or self.text in _CLOSING or self.is_plain_name

    @property
    def is_plain_name(self) -> bool:
        return self.kind == "name" and (not iskeyword(self.text) or self.text in _LITERALS)


def check(text: str) -> str:
    """`text` on one line, safe for Python's parser, or an error; offsets stay what they were."""
    if len(text) > MAXIMUM_LENGTH:
        message = f"the expression is {len(text):,} characters long, {MAXIMUM_LENGTH:,} are allowed"
        raise ExpressionError(
            message, 0, 1, Code.EXPRESSION_TOO_LONG, "compute a part of it in a `set` step"
        )
    tokens = tokenize(text)
    if not tokens:
        raise ExpressionError("the expression is empty", 0, max(1, len(text)), help="write a value")
    _check_nesting(tokens)
    before: Token | None = None
    for position, token in enumerate(tokens):
        _check_token(tokens, position, before)
        before = token
    return re.sub(r"[\r\n]", " ", text)  # neither can stand inside a text literal


_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\n\f]+)
  | (?P<name>[^\W\d]\w*)
  | (?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<text>'(?:[^'\\\r\n\0]|\\[^\r\n\0])*'|"(?:[^"\\\r\n\0]|\\[^\r\n\0])*")
  | (?P<operator>===|!==|&&|\|\||\*\*|//|:=|==|!=|<=|>=|<>|=>|->|<<|>>|\$\{
      |[-+*/%<>()\[\]{},.:=!?&|^~@;\#$`\\])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokenize(text: str) -> list[Token]:
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        word, start = match.group(), match.start()
        if kind == "other":
            raise _unreadable(text, word, start)
        if kind != "blank":
            tokens.append(Token(kind, word, start))
    return tokens


def _unreadable(text: str, character: str, start: int) -> ExpressionError:
    if character in "'\"":
        return ExpressionError(
            f"this text has no closing {character}",
            start,
            len(text) - start,
            help=f"add the closing {character} on the same line; inside the text write \\{character}",
        )
    if character in "‘’“”«»":
        help_text = "quote text with ' or \""
    elif character.isspace():
        help_text = "replace it with an ordinary space"
    else:
        help_text = "put text in quotes: 'like this'"
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return ExpressionError(f"unexpected character `{shown}`", start, 1, help=help_text)


_LITERALS = frozenset({"True", "False", "None"})
_ALLOWED_KEYWORDS = _LITERALS | {"and", "or", "not", "in", "if", "else", "for"}
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_PARTNER = MappingProxyType({")": "(", "]": "[", "}": "{"})


def _check_nesting(tokens: list[Token]) -> None:
    opened: list[Token] = []
    signs = 0
    for token in tokens:
        signs = signs + 1 if token.text in {"not", "-", "+"} else 0
        if signs > MAXIMUM_DEPTH:
            raise _too_deep(token)
        if token.kind != "operator":
            continue
        if token.text in _OPENING or token.text == "${":
            opened.append(token)
            if len(opened) > MAXIMUM_DEPTH:
                raise _too_deep(token)
        elif token.text in _CLOSING:
            expected = _PARTNER[token.text]
            if not opened or opened[-1].text[-1] != expected:
                message = f"`{token.text}` closes nothing that is open here"
                raise ExpressionError(
                    message, token.start, 1, help=f"add `{expected}` or remove it"
                )
            opened.pop()
    if opened and opened[-1].text != "${":
        token = opened[-1]
        closing = next(close for close, partner in _PARTNER.items() if partner == token.text)
        message = f"`{token.text}` is never closed"
        raise ExpressionError(message, token.start, 1, help=f"add the closing `{closing}`")


def _too_deep(token: Token) -> ExpressionError:
    return ExpressionError(
        f"the expression is nested more than {MAXIMUM_DEPTH} levels deep",
        token.start,
        len(token.text),
        Code.EXPRESSION_TOO_LONG,
        "compute a part of it in a `set` step",
    )


def _check_token(tokens: list[Token], position: int, before: Token | None) -> None:
    token = tokens[position]
    if token.kind == "name":
        _check_name(tokens, position, before)
    elif token.kind == "text":
        _check_text(token, before)
    elif token.kind == "operator" and token.text in _HABITS:
        message, help_text = _HABITS[token.text]
        raise ExpressionError(message, token.start, len(token.text), help=help_text)
    operand = token.kind in {"number", "text"} or token.is_plain_name
    if operand and before is not None and before.ends_operand:
        raise _two_in_a_row(before, token)


_HABITS = MappingProxyType(
    {
        "&&": ("`&&` is not an operator here", "write `and`"),
        "||": ("`||` is not an operator here", "write `or`"),
        "!": ("`!` is not an operator here", "write `not x`"),
        "?": ("`? :` is not part of expressions", "write `x if condition else y`"),
        "===": ("`===` is not an operator here", "write `==`"),
        "!==": ("`!==` is not an operator here", "write `!=`"),
        "<>": ("`<>` is not an operator here", "write `!=`"),
        "=": ("`=` assigns, and expressions do not", "to compare, write `==`"),
        ":=": ("`:=` assigns, and expressions do not", "use a `set` step for a name of your own"),
        "**": ("`**` is not part of expressions: no powers", "multiply with `*`"),
        "=>": ("`=>` is not an operator here", "greater or equal is written `>=`"),
        "->": ("`->` is not an operator here", "a field is read with a dot: `flight.price`"),
        "<<": ("`<<` is not an operator here", "numbers have + - * / // %"),
        ">>": ("`>>` is not an operator here", "numbers have + - * / // %"),
        "&": ("`&` is not an operator here", "write `and`"),
        "|": ("`|` is not an operator here", "write `or`; functions are called: `len(x)`"),
        "^": ("`^` is not an operator here", "numbers have + - * / // %"),
        "~": ("`~` is not an operator here", "write `not x`"),
        "@": ("`@` is not an operator here", "numbers have + - * / // %"),
        ";": ("`;` is not part of expressions", "an expression is one value"),
        "#": ("`#` starts no comment inside an expression", "put the comment beside the YAML key"),
        "`": ("a backtick quotes nothing here", "quote text with ' or \""),
        "\\": ("`\\` is not an operator here", "divide with `/` or `//`"),
        "$": ("`$` is not part of expressions", "names stand alone: `inputs.total`"),
        "${": ("`${` opens nothing here: this is an expression already", "leave out `${` and `}`"),
    }
)


def _check_name(tokens: list[Token], position: int, before: Token | None) -> None:
    token = tokens[position]
    after_dot = before is not None and before.text == "."
    if after_dot and iskeyword(token.text):
        item = _text_before_dot(tokens, position)
        message = f"`{token.text}` is a word of the expression language, so `.{token.text}` cannot be read"
        help_text = f"write it as `{item}['{token.text}']`"
        raise ExpressionError(message, token.start, len(token.text), help=help_text)
    if iskeyword(token.text) and token.text not in _ALLOWED_KEYWORDS:
        message, help_text = _KEYWORDS.get(token.text, _OTHER_KEYWORD)
        message = message.replace("WORD", token.text)
        raise ExpressionError(message, token.start, len(token.text), help=help_text)
    if not token.text.isidentifier() or not unicodedata.is_normalized("NFKC", token.text):
        message = f"`{token.text}` cannot be written as a name"
        help_text = f"read a field of this name as `item['{token.text}']`"
        raise ExpressionError(message, token.start, len(token.text), help=help_text)
    if before is not None and before.kind == "number" and _touch(before, token):
        message = f"`{before.text}{token.text}` is not a number"
        help_text = "write numbers as 1000 or 10.5"
        raise ExpressionError(
            message, before.start, len(before.text) + len(token.text), help=help_text
        )


_OTHER_KEYWORD = ("`WORD` is not part of expressions", "")
_KEYWORDS = MappingProxyType(
    {
        "lambda": ("`lambda` is not part of expressions: no functions of your own", ""),
        "is": ("`is` is not part of expressions", "compare with `==` or `!=`"),
    }
)


def _text_before_dot(tokens: list[Token], position: int) -> str:
    """The value whose field is read: `inputs.items[0]` of `inputs.items[0].class`."""
    first = position - 1
    depth = 0
    while first > 0:
        token = tokens[first - 1]
        if token.text in _CLOSING:
            depth += 1
        elif token.text in _OPENING:
            if depth == 0:
                break
            depth -= 1
        elif depth == 0 and (
            (token.text != "." and not token.is_plain_name)
            or (
                token.text != "."
                and not (tokens[first].text == "." or tokens[first].text in _OPENING)
            )
        ):
            break
        first -= 1
    return "".join(token.text for token in tokens[first : position - 1]) or "item"


_ESCAPE = re.compile(
    r"""\\(?:[\\'"ntrbf]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|U0010[0-9a-fA-F]{4}|(.))"""
)
_PREFIXES = MappingProxyType({"f": "an f-string", "b": "bytes", "r": "raw text", "u": "a prefix"})


def _check_text(token: Token, before: Token | None) -> None:
    if before is not None and before.kind == "name" and _touch(before, token):
        letters = before.text.lower()
        if set(letters) <= set("fbru"):
            kind = _PREFIXES[min(letters, key="fbru".index)]
            raise ExpressionError(
                f"{kind} is not part of expressions: `{before.text}` before a quote",
                before.start,
                len(before.text),
                help="write plain text: 'a' + str(b)",
            )
    for match in _ESCAPE.finditer(token.text):
        if match.group(1) is not None:
            raise ExpressionError(
                f"`{match.group()}` is not an escape",
                token.start + match.start(),
                len(match.group()),
                help="a backslash itself is written `\\\\`",
            )


def _touch(before: Token, token: Token) -> bool:
    return before.start + len(before.text) == token.start


def _two_in_a_row(before: Token, token: Token) -> ExpressionError:
    help_text = "an operator or a comma is missing before it"
    if token.kind == "number" and token.text.startswith("."):
        help_text = f"an item of a list is read as `[{token.text[1:]}]`"
    elif token.kind == before.kind == "text":
        help_text = "join texts with `+`"
    return ExpressionError(
        f"unexpected `{token.text}`", token.start, len(token.text), help=help_text
    )
