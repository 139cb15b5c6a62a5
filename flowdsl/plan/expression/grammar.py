"""Text → checked tree: Python's parser reads, a closed list of node types decides.

What is not in the list is refused by its name, with its place. Nothing of Python's own tree leaves
this module.
"""

from __future__ import annotations

import ast
import itertools
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.plan.expression.fault import ExpressionError
from flowdsl.plan.expression.functions import FUNCTIONS
from flowdsl.plan.expression.mistakes import mistake
from flowdsl.plan.expression.token import MAXIMUM_DEPTH, check
from flowdsl.plan.expression.tree import (
    Arithmetic,
    Chain,
    Choice,
    Compare,
    Comparison,
    Comprehension,
    Field,
    FunctionCall,
    ListDisplay,
    LiteralValue,
    Logic,
    Loop,
    Not,
    ObjectOf,
    SecretName,
    Sign,
    Subscript,
    Term,
    Tree,
    Variable,
)
from flowdsl.plan.words import did_you_mean

MAXIMUM_DIGITS = 4300  # of an integer, and of the exponent's reach of a decimal


def read_tree(text: str) -> Tree:
    """The tree of `text`, or an `ExpressionError` that says what is wrong and where."""
    line = check(text)
    try:
        # In brackets, blanks before and after mean nothing; `check` has seen that brackets match.
        root = ast.parse(f"({line})", mode="eval").body
    except SyntaxError as error:
        if "too many nested" in error.msg or "too complex" in error.msg:
            raise _TreeReader(text, b"").too_deep(0, len(text)) from None
        raise mistake(text, error) from None
    except (RecursionError, MemoryError):
        raise _TreeReader(text, b"").too_deep(0, len(text)) from None
    except ValueError:
        message = "the expression holds a character that no text can hold"
        raise ExpressionError(message, 0, len(text)) from None
    return _TreeReader(text, line.encode()).read(root, 0)


_ARITHMETIC: MappingProxyType[type[ast.operator], Arithmetic] = MappingProxyType(
    {
        ast.Add: "+",
        ast.Sub: "-",
        ast.Mult: "*",
        ast.Div: "/",
        ast.FloorDiv: "//",
        ast.Mod: "%",
    }
)
_COMPARISONS: MappingProxyType[type[ast.cmpop], Comparison] = MappingProxyType(
    {
        ast.Eq: "==",
        ast.NotEq: "!=",
        ast.Lt: "<",
        ast.LtE: "<=",
        ast.Gt: ">",
        ast.GtE: ">=",
        ast.In: "in",
        ast.NotIn: "not in",
    }
)
_JSON_WORDS: MappingProxyType[str, bool | None] = MappingProxyType(
    {"true": True, "false": False, "null": None}
)
_REFUSED: MappingProxyType[type[ast.expr], tuple[str, str]] = MappingProxyType(
    {
        ast.Tuple: (
            "a comma here makes a tuple, which JSON does not have",
            "write a list: `[a, b]`",
        ),
        ast.Set: ("`{a, b}` is a set, which JSON does not have", "write a list: `[a, b]`"),
        ast.SetComp: ("a set comprehension is not part of expressions", "write it in `[ ]`"),
        ast.DictComp: (
            "an object comprehension is not part of expressions",
            "write a list in `[ ]`",
        ),
        ast.GeneratorExp: ("a bare `for` is not part of expressions", "write it in `[ ]`"),
        ast.Starred: ("`*` before a value is not part of expressions", "join lists with `+`"),
        ast.JoinedStr: ("an f-string is not part of expressions", "write 'a' + str(b)"),
        ast.Slice: ("slices are not part of expressions", "write `[x for x in …]` or `chunks(…)`"),
    }
)


class _TreeReader(Struct, frozen=True):
    """`line` is the text in UTF-8, because Python's parser counts columns in bytes."""

    text: str
    line: bytes

    def read(self, node: ast.expr, depth: int) -> Tree:
        start, length = self.place(node)
        if depth > MAXIMUM_DEPTH:
            raise self.too_deep(start, length)
        below = depth + 1
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name():
                return self.name(node)
            case ast.Attribute() | ast.Subscript():
                return self.path(node, depth)
            case ast.List():
                return ListDisplay(self.read_all(node.elts, below), start, length)
            case ast.Dict():
                return self.object_of(node, below)
            case ast.UnaryOp():
                return self.unary(node, below)
            case ast.BinOp():
                return self.chain(node, depth)
            case ast.Compare():
                return self.compare(node, depth)
            case ast.BoolOp():
                operator: Literal["and", "or"] = "and" if isinstance(node.op, ast.And) else "or"
                return Logic(operator, self.read_all(node.values, depth), start, length)
            case ast.IfExp():
                condition, then = self.read(node.test, below), self.read(node.body, below)
                return Choice(condition, then, self.read(node.orelse, below), start, length)
            case ast.ListComp():
                return self.comprehension(node, below)
            case ast.Call():
                return self.call(node, below)
            case _:
                raise self.refusal(node)

    def place(self, node: ast.expr) -> tuple[int, int]:
        start = self.offset(node.col_offset)
        return start, self.offset(node.end_col_offset or node.col_offset) - start

    def offset(self, column: int) -> int:
        """Bytes of the bracketed line → characters of the text."""
        return len(self.line[: max(0, column - 1)].decode())  # a tuple takes in the brackets

    def read_all(self, nodes: list[ast.expr], depth: int) -> tuple[Tree, ...]:
        return tuple(self.read(node, depth) for node in nodes)

    def constant(self, node: ast.Constant) -> Tree:
        start, length = self.place(node)
        value: object = node.value
        if isinstance(value, float):  # the digits as written: a float would not keep them
            exact = Decimal(self.text[start : start + length])
            if exact and abs(exact.adjusted()) >= MAXIMUM_DIGITS:
                raise self.error(
                    "this number is too large or too small",
                    start,
                    length,
                    code=Code.EXPRESSION_TOO_LONG,
                )
            return LiteralValue(exact, start, length)
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise self.error("half a surrogate pair is not a character", start, length)
        if value is None or isinstance(value, bool | int | str):
            return LiteralValue(value, start, length)
        raise self.error("only numbers, text, true, false and null can be written", start, length)

    def name(self, node: ast.Name) -> Tree:
        start, length = self.place(node)
        if node.id in _JSON_WORDS:
            return LiteralValue(_JSON_WORDS[node.id], start, length)
        if node.id == "secrets":
            message = "`secrets` is not a value of its own"
            raise self.error(
                message, start, length, help_text="name one secret: `secrets.API_TOKEN`"
            )
        return Variable(node.id, start, length)

    def path(self, node: ast.expr, depth: int) -> Tree:
        steps: list[ast.Attribute | ast.Subscript] = []
        base: ast.expr = node
        while isinstance(base, ast.Attribute | ast.Subscript):
            steps.append(base)
            base = base.value
        if len(steps) > MAXIMUM_DEPTH:
            raise self.too_deep(*self.place(node))
        named = isinstance(base, ast.Name) and base.id == "secrets"
        tree = self.secret(steps.pop()) if named else self.read(base, depth)
        for step in reversed(steps):
            tree = self.step(tree, step, depth)
        return tree

    def secret(self, step: ast.Attribute | ast.Subscript) -> Tree:
        start, length = self.place(step)
        if isinstance(step, ast.Attribute):
            return SecretName(step.attr, start, length)
        if isinstance(step.slice, ast.Constant) and isinstance(step.slice.value, str):
            return SecretName(step.slice.value, start, length)
        message = "a secret is named in the file, never computed"
        raise self.error(message, start, length, help_text="write `secrets.API_TOKEN`")

    def step(self, value: Tree, step: ast.Attribute | ast.Subscript, depth: int) -> Tree:
        start, length = self.place(step)
        if isinstance(step, ast.Attribute):
            size = len(step.attr)
            return Field(value, step.attr, start + length - size, size, start, length)
        if isinstance(step.slice, ast.Slice):
            raise self.refusal(step.slice)
        index = self.read(step.slice, depth + 1)
        if isinstance(index, LiteralValue) and isinstance(index.value, str):
            return Field(value, index.value, index.start, index.length, start, length)
        return Subscript(value, index, start, length)

    def object_of(self, node: ast.Dict, depth: int) -> Tree:
        start, length = self.place(node)
        fields: dict[str, Tree] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            assert key is not None, "`check` has refused `**`"
            key_start, key_length = self.place(key)
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                help_text = "write the key in quotes: `{'a': 1}`"
                raise self.error("a key must be text", key_start, key_length, help_text=help_text)
            name = self.constant(key)
            assert isinstance(name, LiteralValue)
            if key.value in fields:
                raise self.error(f"the key '{key.value}' stands here twice", key_start, key_length)
            fields[key.value] = self.read(value, depth)
        return ObjectOf(tuple(fields.items()), start, length)

    def unary(self, node: ast.UnaryOp, depth: int) -> Tree:
        start, length = self.place(node)
        value = self.read(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return Not(value, start, length)
        if isinstance(value, LiteralValue) and type(value.value) in {int, Decimal}:
            assert isinstance(value.value, int | Decimal)
            number = value.value
            # copy_negate: `-` would round to the context, and a literal keeps its digits
            negative = number.copy_negate() if isinstance(number, Decimal) else -number
            return LiteralValue(
                negative if isinstance(node.op, ast.USub) else number, start, length
            )
        return Sign("-" if isinstance(node.op, ast.USub) else "+", value, start, length)

    def chain(self, node: ast.BinOp, depth: int) -> Tree:
        start, length = self.place(node)
        links: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            links.append(first)
            first = first.left
        terms: list[Term] = []
        for link in reversed(links):
            operator = _ARITHMETIC[type(link.op)]  # `check` has refused the other operators
            terms.append(Term(operator, self.read(link.right, depth), *self.place(link)))
        return Chain(self.read(first, depth), tuple(terms), start, length)

    def compare(self, node: ast.Compare, depth: int) -> Tree:
        start, length = self.place(node)
        rest: list[tuple[Comparison, Tree]] = []
        for operator, value in zip(node.ops, node.comparators, strict=True):
            rest.append((_COMPARISONS[type(operator)], self.read(value, depth)))
        return Compare(self.read(node.left, depth), tuple(rest), start, length)

    def comprehension(self, node: ast.ListComp, depth: int) -> Tree:
        loops: list[Loop] = []
        for generator in node.generators:
            target = generator.target
            start, length = self.place(target)
            if not isinstance(target, ast.Name):
                message = "a comprehension has one variable"
                raise self.error(
                    message, start, length, help_text="write `[x.price for x in items]`"
                )
            if target.id in _JSON_WORDS or target.id == "secrets":
                raise self.error(f"`{target.id}` cannot be a variable", start, length)
            conditions = self.read_all(generator.ifs, depth)
            loops.append(Loop(target.id, start, self.read(generator.iter, depth), conditions))
        for one, other in itertools.combinations(loops, 2):
            if one.name == other.name:
                message = f"`{other.name}` is a variable of this comprehension already"
                raise self.error(message, other.name_start, len(other.name))
        return Comprehension(self.read(node.elt, depth), tuple(loops), *self.place(node))

    def call(self, node: ast.Call, depth: int) -> Tree:
        start, length = self.place(node)
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            plain = f"write `{name}(…)`" if name in FUNCTIONS else _list_functions()
            at, wide = self.place(node.func)
            message = f"`.{name}(…)` is a method call, which is not part of expressions"
            raise self.error(message, at + wide - len(name), len(name), help_text=plain)
        if not isinstance(node.func, ast.Name):
            raise self.error(
                "only functions can be called", start, length, help_text=_list_functions()
            )
        name = node.func.id
        if name not in FUNCTIONS:
            help_text = did_you_mean(name.lower(), FUNCTIONS, at_least=0.7) or _list_functions()
            raise self.error(
                f"there is no function `{name}`", *self.place(node.func), help_text=help_text
            )
        assert not node.keywords, "`check` has refused `=`"
        return FunctionCall(name, self.read_all(node.args, depth), start, length)

    def refusal(self, node: ast.expr) -> ExpressionError:
        default = ("this is not part of expressions", "")
        message, help_text = _REFUSED.get(type(node), default)
        return self.error(message, *self.place(node), help_text=help_text)

    def too_deep(self, start: int, length: int) -> ExpressionError:
        message = f"the expression is nested more than {MAXIMUM_DEPTH} levels deep"
        help_text = "compute a part of it in a `set` step"
        return self.error(
            message, start, length, code=Code.EXPRESSION_TOO_LONG, help_text=help_text
        )

    def error(
        self,
        message: str,
        start: int,
        length: int,
        *,
        code: Code = Code.UNREADABLE_EXPRESSION,
        help_text: str = "",
    ) -> ExpressionError:
        return ExpressionError(message, start, max(1, length), code, help_text)


def _list_functions() -> str:
    return f"the functions are {', '.join(sorted(FUNCTIONS))}"
