"""Reading expressions: what is refused and how, and what an expression refers to."""

from __future__ import annotations

import pytest

from flowdsl.plan.expression.compiled import ExpressionError, parse
from flowdsl.plan.span import Span

REFUSED = [
    # text, code, the characters pointed at, a part of the message, a part of the help
    ("", "F040", "", "is empty", "write a value"),
    ("   ", "F040", "   ", "is empty", ""),
    ("a && b", "F040", "&&", "`&&`", "write `and`"),
    ("a || b", "F040", "||", "`||`", "write `or`"),
    ("!a", "F040", "!", "`!`", "write `not x`"),
    ("a ? 1 : 2", "F040", "?", "`? :`", "x if condition else y"),
    ("a === b", "F040", "===", "`===`", "write `==`"),
    ("a !== b", "F040", "!==", "`!==`", "write `!=`"),
    ("a <> b", "F040", "<>", "`<>`", "write `!=`"),
    ("a = b", "F040", "=", "assigns", "write `==`"),
    ("(a := 1)", "F040", ":=", "assigns", "`set` step"),
    ("2 ** 8", "F040", "**", "no powers", "multiply"),
    ("10 ** 10 ** 10", "F040", "**", "no powers", "multiply"),
    ("a | len", "F040", "|", "`|`", "write `or`"),
    ("a is null", "F040", "is", "`is`", "compare with `==`"),
    ("lambda x: 1", "F040", "lambda", "no functions of your own", ""),
    ("yield", "F040", "yield", "`yield`", ""),
    ("${a}", "F040", "${", "already", "leave out `${`"),
    ("$a", "F040", "$", "`$`", "names stand alone"),
    ("a # why", "F040", "#", "no comment", "YAML"),
    ("a; b", "F040", ";", "`;`", "one value"),
    ("`a`", "F040", "`", "backtick", "quote"),
    ("item.class", "F040", "class", "`class`", "write it as `item['class']`"),
    ("x == inputs.from", "F040", "from", "`from`", "`inputs['from']`"),
    ("a[b.c].in + 1", "F040", "in", "`in`", "`a[b.c]['in']`"),
    ("a.None", "F040", "None", "`None`", "`a['None']`"),
    ("'é' + b.c.from", "F040", "from", "`from`", "`b.c['from']`"),
    ("a b", "F040", "b", "unexpected `b`", "missing before it"),
    ("'a' 'b'", "F040", "'b'", "unexpected", "join texts with `+`"),
    ("a.0", "F040", ".0", "unexpected", "read as `[0]`"),
    ("a not b", "F040", "a not b", "nothing between", "missing"),
    ("1 +", "F040", "+", "ends after `+`", "missing value"),
    ("* 2", "F040", "*", "unexpected `*`", "missing before `*`"),
    ("[1,,2]", "F040", ",", "unexpected `,`", "missing before `,`"),
    ("a : b", "F040", ":", "unexpected `:`", "x if condition else y"),
    ("a for", "F040", "for", "ends after `for`", ""),
    ("x if y", "F040", "x if y", "without `else`", "x if condition else y"),
    ("07", "F040", "07", "unexpected `07`", "1000 or 10.5"),
    ("1_000", "F040", "1_000", "not a number", "1000 or 10.5"),
    ("0x1F", "F040", "0x1F", "not a number", "1000 or 10.5"),
    ("1j", "F040", "1j", "not a number", ""),
    ("f'{a}'", "F040", "f", "an f-string", "'a' + str(b)"),
    ("b'a'", "F040", "b", "bytes", ""),
    ("rb'a'", "F040", "rb", "bytes", ""),
    (r"'\d'", "F040", r"\d", "not an escape", "`\\\\`"),
    (r"'\U00110000'", "F040", r"\U", "not an escape", "`\\\\`"),
    (r"'\x4'", "F040", r"\x", "not an escape", "`\\\\`"),
    (r"'\ud800'", "F040", r"'\ud800'", "half a surrogate", ""),
    ("'\ud800'", "F040", "'\ud800'", "no text can hold", ""),
    ("a == 'it", "F040", "'it", "no closing '", "closing '"),
    ("'a\nb'", "F040", "'a\nb'", "no closing '", "same line"),
    ("“a”", "F040", "“", "unexpected character", "quote text with"),
    ("a\u00a0+ b", "F040", "\u00a0", "U+00A0", "ordinary space"),
    ("€", "F040", "€", "unexpected character", "in quotes"),
    ("a.ﬁ", "F040", "ﬁ", "cannot be written as a name", "item['ﬁ']"),
    ("(a", "F040", "(", "never closed", "closing `)`"),
    ("a)", "F040", ")", "closes nothing", "`(`"),
    ("a) + (b", "F040", ")", "closes nothing", "`(`"),
    ("[a)", "F040", ")", "closes nothing", "`(`"),
    ("a, b", "F040", "a, b", "tuple", "`[a, b]`"),
    ("()", "F040", "()", "tuple", "`[a, b]`"),
    ("{a, b}", "F040", "{a, b}", "set", "`[a, b]`"),
    ("{x for x in a}", "F040", "{x for x in a}", "set comprehension", "`[ ]`"),
    ("{'a': 1 for x in a}", "F040", "{'a': 1 for x in a}", "object comprehension", ""),
    ("any(x for x in a)", "F040", "(x for x in a)", "bare `for`", "`[ ]`"),
    ("len(*a)", "F040", "*a", "`*` before a value", "`+`"),
    ("{a: 1}", "F040", "a", "a key must be text", "in quotes"),
    ("{'a': 1, 'a': 2}", "F040", "'a'", "stands here twice", ""),
    ("a[1:2]", "F040", "1:2", "slices", "chunks"),
    ("a @ b", "F040", "@", "`@`", ""),
    ("a.lower()", "F040", "lower", "method call", "write `lower(…)`"),
    ("a.strip()", "F040", "strip", "method call", "the functions are"),
    ("a[0]()", "F040", "a[0]()", "only functions", "the functions are"),
    ("lenn(a)", "F040", "lenn", "no function `lenn`", "did you mean `len`?"),
    ("eval(a)", "F040", "eval", "no function `eval`", "the functions are"),
    ("__import__('os')", "F040", "__import__", "no function", "the functions are"),
    ("[x for x, y in a]", "F040", "x, y", "one variable", ""),
    ("[x for x in a for x in b]", "F040", "x", "already", ""),
    ("[1 for true in a]", "F040", "true", "cannot be a variable", ""),
    ("[1 for secrets in a]", "F040", "secrets", "cannot be a variable", ""),
    ("secrets", "F040", "secrets", "not a value of its own", "secrets.API_TOKEN"),
    ("secrets[a]", "F040", "secrets[a]", "never computed", "secrets.API_TOKEN"),
    ("1e9999", "F047", "1e9999", "too large", ""),
    ("(" * 33 + "1" + ")" * 33, "F047", "(", "32 levels", "`set` step"),
    ("not " * 33 + "a", "F047", "not", "32 levels", ""),
    ("a" + ".a" * 33, "F047", "a" + ".a" * 33, "32 levels", ""),
    ("a if b else " * 40 + "c", "F047", None, "32 levels", ""),
    ("a" * 4097, "F047", "a", "4,097 characters", "`set` step"),
]


@pytest.mark.parametrize(
    ("text", "code", "pointed", "message", "help_text"),
    REFUSED,
    ids=[case[0][:24].encode("unicode_escape").decode() for case in REFUSED],
)
def test_what_is_not_of_the_language_is_refused_at_its_place(
    text: str, code: str, pointed: str | None, message: str, help_text: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)

    error = caught.value
    assert error.code == code
    assert message in error.message
    assert help_text in error.help
    assert error.length >= 1
    if pointed is not None:
        assert text[error.start : error.start + error.length] == pointed


@pytest.mark.parametrize(
    "text",
    [
        " a ",
        "\n  a +\n  b\n",
        "a\tin [1, 2]",
        "1 if a else-1",
        "'a\\n\\u00e9\\x41\\U0001F600\\'' + \"it's\"",
        "(" * 32 + "1" + ")" * 32,
        "1" + " + 1" * 1000,
        "größe.länge",
        "a['class'].b[0][-1]",
        "null == None and true == True",
        "[[x, y] for x in a if x for y in x if y > 1 if y < 9]",
        "match.case",
    ],
)
def test_blanks_line_breaks_and_long_chains_mean_nothing_special(text: str) -> None:
    assert parse(text).text == text


REFERENCES = [
    # text, (path, the characters it stands on, guarded)
    ("1 + 2", []),
    ("inputs.total > 5", [(("inputs", "total"), "inputs.total", False)]),
    ("a['b c'].d", [(("a", "b c", "d"), "a['b c'].d", False)]),
    ("a.items[0].sku", [(("a", "items", 0, "sku"), "a.items[0].sku", False)]),
    ("a[-1]", [(("a", -1), "a[-1]", False)]),
    ("a[b.c].d", [(("a",), "a", False), (("b", "c"), "b.c", False)]),
    ("a[true]", [(("a",), "a", False)]),
    ("[1, 2][0]", []),
    ("(a + b.c)[0]", [(("a",), "a", False), (("b", "c"), "b.c", False)]),
    ("{'x': a}.x", [(("a",), "a", False)]),
    ("'é' + a.b", [(("a", "b"), "a.b", False)]),
    ("not -a", [(("a",), "a", False)]),
    ("str(a) in [b]", [(("a",), "a", False), (("b",), "b", False)]),
    ("[x.kg * n for x in a.b if x.ok]", [(("n",), "n", False), (("a", "b"), "a.b", False)]),
    ("[y for x in a for y in x]", [(("a",), "a", False)]),
    ("[x for x in x]", [(("x",), "x", False)]),
    ("[x for x in a] + x", [(("a",), "a", False), (("x",), "x", False)]),
    ("secrets.KEY", [(("secrets", "KEY"), "secrets.KEY", False)]),
    ("secrets['KEY']", [(("secrets", "KEY"), "secrets['KEY']", False)]),
    # guarded: null or nothing on the way is provided for
    ("default(a.b, c.d)", [(("a", "b"), "a.b", True), (("c", "d"), "c.d", False)]),
    ("default(a.b + 1, 0)", [(("a", "b"), "a.b", False)]),
    ("default(a[i].b, 0)", [(("a",), "a", True), (("i",), "i", False)]),
    ("a.b or c.d", [(("a", "b"), "a.b", True), (("c", "d"), "c.d", False)]),
    ("len(a.b) or 1", [(("a", "b"), "a.b", False)]),
    ("a and a.f", [(("a",), "a", False), (("a", "f"), "a.f", True)]),
    ("a and b.f", [(("a",), "a", False), (("b", "f"), "b.f", False)]),
    ("a.f if a else a.g", [
        (("a", "f"), "a.f", True), (("a",), "a", False), (("a", "g"), "a.g", False)]),
    ("a.f if a != null else 0", [(("a", "f"), "a.f", True), (("a",), "a", False)]),
    ("a.f if null == a else a.g", [
        (("a", "f"), "a.f", False), (("a",), "a", False), (("a", "g"), "a.g", True)]),
    ("a.f if a == 'x' else 0", [(("a", "f"), "a.f", True), (("a",), "a", False)]),
    ("a.f if not a else a.g", [
        (("a", "f"), "a.f", False), (("a",), "a", False), (("a", "g"), "a.g", True)]),
    ("a == null or a.f", [(("a",), "a", False), (("a", "f"), "a.f", True)]),
    ("a.f if a and b else 0", [
        (("a", "f"), "a.f", True), (("a",), "a", False), (("b",), "b", False)]),
    ("a.f if a or b else 0", [
        (("a", "f"), "a.f", False), (("a",), "a", True), (("b",), "b", False)]),
    ("a.b.f if a.b else 0", [(("a", "b", "f"), "a.b.f", True), (("a", "b"), "a.b", False)]),
    ("a.f if 1 < a.n else 0", [(("a", "f"), "a.f", False), (("a", "n"), "a.n", False)]),
    ("a.n.f if 1 < a.n else 0", [(("a", "n", "f"), "a.n.f", True), (("a", "n"), "a.n", False)]),
    ("a.f if not (a == null or b) else 0", [
        (("a", "f"), "a.f", True), (("a",), "a", False), (("b",), "b", False)]),
    ("[a.f for x in y if a]", [
        (("a", "f"), "a.f", True), (("y",), "y", False), (("a",), "a", False)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REFERENCES, ids=[case[0] for case in REFERENCES])
def test_references_are_the_longest_static_paths(
    text: str, expected: list[tuple[tuple[str | int, ...], str, bool]]
) -> None:
    found = [
        (item.path, text[item.start : item.start + item.length], item.guarded)
        for item in parse(text).references
    ]

    assert found == expected


def test_an_expression_knows_its_span_and_its_secrets_once_each() -> None:
    span = Span(3, 7, 4)

    expression = parse("[secrets.B, secrets.A, secrets.B]", span=span)

    assert expression.span == span
    assert expression.secrets == ("B", "A")
    assert expression == parse(expression.text, span=span)
    assert expression != parse(expression.text)
    assert "run" not in repr(expression)
