"""The static check of an expression: its type, and what would go wrong when it is evaluated.

Only what is certain is a problem. What nobody described is Anything, and Anything fits everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.plan.expression.functions import arity_problem
from flowdsl.plan.expression.operations import truth
from flowdsl.plan.expression.paths import (
    NO_PATHS,
    Paths,
    path_of,
    proven_if_false,
    proven_if_true,
)
from flowdsl.plan.expression.reading import no_such_field, source_of
from flowdsl.plan.expression.signature import SIGNATURES, item_of, number_from
from flowdsl.plan.expression.tree import (
    Chain,
    Choice,
    Compare,
    Comprehension,
    Field,
    FunctionCall,
    ListDisplay,
    LiteralValue,
    Logic,
    Not,
    ObjectOf,
    SecretName,
    Sign,
    Subscript,
    Term,
    Tree,
    Variable,
)
from flowdsl.plan.expression.types import (
    ANYTHING,
    BOOLEAN,
    NULL,
    NUMBER,
    SECRET,
    TEXT,
    Anything,
    Group,
    ListOf,
    Object,
    Type,
    describe,
    groups,
    join,
    may_be_null,
    members,
    shared_groups,
    surely_equal,
    type_of,
    widen,
    without_null,
)
from flowdsl.plan.words import like

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowdsl.plan.expression.compiled import Expression


class TypeProblem(Struct, frozen=True):
    """`start` and `length` are offsets into the text of the expression."""

    code: Code
    message: str
    start: int
    length: int
    help: str = ""


class Inference(Struct, frozen=True):
    type: Type
    problems: tuple[TypeProblem, ...]


def infer(
    expression: Expression,
    names: Mapping[str, Type],
    *,
    condition: bool = False,
    proven: Paths = NO_PATHS,
) -> Inference:
    """The type of the expression, where `names` says what is known; other names are Anything.

    `condition`: it stands where only its truth matters, so that a literal there is a problem too.
    `proven`: paths that are not null here, because a `when` above was true (`proven_if_true`).
    """
    checker = _Checker(expression.text)
    known = _KnownTypes(names, proven)
    find = checker.condition if condition else checker.type_of
    found = find(expression.tree, known)
    problems = sorted(dict.fromkeys(checker.problems), key=lambda problem: problem.start)
    return Inference(found, tuple(problems))


class _KnownTypes(Struct, frozen=True):
    """`proven`: paths found not to be null. `tolerant`: null on the way is provided for."""

    names: Mapping[str, Type]
    proven: Paths = NO_PATHS
    tolerant: bool = False

    def under(self, proven: Paths) -> _KnownTypes:
        return replace(self, proven=self.proven | proven)

    def narrow(self, tree: Tree, given: Type) -> Type:
        path = path_of(tree)
        if path is None or not any(longer[: len(path)] == path for longer in self.proven):
            return given
        return without_null(given)


class _Checker(Struct, frozen=True):
    text: str
    problems: list[TypeProblem] = field(default_factory=list)

    def type_of(self, tree: Tree, known: _KnownTypes) -> Type:
        inside = known if isinstance(tree, Field | Subscript) else replace(known, tolerant=False)
        match tree:
            case LiteralValue():
                return type_of(tree.value)
            case SecretName():
                return SECRET
            case Variable():
                return known.narrow(tree, known.names.get(tree.name, ANYTHING))
            case Field() | Subscript():
                return self.path(tree, inside)
            case ListDisplay():
                return ListOf(widen(join(self.type_of(item, inside) for item in tree.items)))
            case ObjectOf():
                fields = tuple((key, self.type_of(value, inside)) for key, value in tree.fields)
                return Object(fields, closed=True, required=frozenset(key for key, _ in fields))
            case Sign():
                return self.sign(tree, inside)
            case Not():
                self.condition(tree.value, inside)
                return BOOLEAN
            case Chain():
                return self.chain(tree, inside)
            case Compare():
                return self.compare(tree, inside)
            case Logic():
                return self.logic(tree, inside, in_condition=False)
            case Choice():
                return self.choice(tree, inside)
            case Comprehension():
                return self.comprehension(tree, inside)
            case FunctionCall():
                return self.call(tree, inside)

    def path(self, tree: Field | Subscript, known: _KnownTypes) -> Type:
        given = self.type_of(tree.value, known)
        source = source_of(self.text, tree.value)
        rest = ANYTHING if given == NULL else without_null(given)
        before = len(self.problems)
        found = self.field(tree, rest) if isinstance(tree, Field) else self.item(tree, rest, known)
        is_null_the_problem = len(self.problems) == before  # else a default would not help
        if may_be_null(given) and not known.tolerant and is_null_the_problem:
            whole = source_of(self.text, tree)
            only = "is" if given == NULL else "may be"
            help_text = f"write `default({whole}, …)`, or test `{source}` first"
            self.add(Code.MAY_BE_NULL, f"`{source}` {only} null", tree.value, help_text)
        return known.narrow(tree, found)

    def field(self, tree: Field, given: Type) -> Type:
        results: list[Type] = []
        for member in members(given):
            match member:
                case Anything():
                    results.append(ANYTHING)
                case Object() if (found := member.field(tree.key)) is not None:
                    results.append(found)
                case Object(closed=False):
                    results.append(ANYTHING)
        if results:
            return join(results)
        self.no_field(tree, given)
        return ANYTHING

    def no_field(self, tree: Field, given: Type) -> None:
        source = source_of(self.text, tree.value)
        names = [
            name
            for member in members(given)
            if isinstance(member, Object)
            for name, _ in member.fields
        ]
        if any(isinstance(member, Object) for member in members(given)):
            message = no_such_field(source, tree.key, names)
            close = like(tree.key, names)
            help_text = f"write `{close}`" if close else ""
            place = (tree.key_start, tree.key_length)
            self.problems.append(TypeProblem(Code.UNKNOWN_FIELD, message, *place, help_text))
            return
        help_text = ""
        if groups(given) == _LIST:
            help_text = f"a field of an item is read as `{source}[0].{tree.key}`"
        message = f"`{source}` is {describe(given)}, which has no fields"
        self.add(Code.WRONG_TYPE, message, tree.value, help_text)

    def item(self, tree: Subscript, given: Type, known: _KnownTypes) -> Type:
        index = self.type_of(tree.index, replace(known, tolerant=False))
        found = groups(given)
        source = source_of(self.text, tree.value)
        if found is not None and not found & {"list", "object"}:
            message = f"`{source}` is {describe(given)}, which has no items"
            self.add(Code.WRONG_TYPE, message, tree.value)
        elif found == _LIST:
            self.need(tree.index, index, frozenset({"number"}), "an item of a list is counted by")
            return item_of(given)
        elif found == _OBJECT:
            self.need(tree.index, index, frozenset({"text"}), "a field of an object is named by")
        return ANYTHING

    def need(self, tree: Tree, given: Type, wanted: frozenset[Group], saying: str) -> bool:
        found = groups(given)
        if found is None or found & wanted:
            return True
        words = "a number" if "number" in wanted else "text"
        self.add(Code.WRONG_TYPE, f"{saying} {words}, and this is {describe(given)}", tree)
        return False

    def sign(self, tree: Sign, known: _KnownTypes) -> Type:
        given = self.type_of(tree.value, known)
        self.need(tree.value, given, _NUMBERS, f"`{tree.operator}` needs")
        return number_from(given)

    def chain(self, tree: Chain, known: _KnownTypes) -> Type:
        left = self.type_of(tree.first, known)
        for term in tree.terms:
            right = self.type_of(term.value, known)
            left = self.term(term, left, right)
        return left

    def term(self, term: Term, left: Type, right: Type) -> Type:
        wanted = _ADDED if term.operator == "+" else _NUMBERS
        shared = shared_groups(left, right, wanted)
        if SECRET in {*members(left), *members(right)}:
            message = "a secret can only be handed on as it is, it cannot be computed with"
            self.problems.append(TypeProblem(Code.WRONG_TYPE, message, term.start, term.length))
        elif not shared:
            message = f"`{term.operator}` cannot take {describe(left)} and {describe(right)}"
            texts = term.operator == "+" and TEXT in {widen(left), widen(right)}
            help_text = "turn a value into text with `str(x)`" if texts else ""
            self.problems.append(
                TypeProblem(Code.WRONG_TYPE, message, term.start, term.length, help_text)
            )
        elif shared == {"number"}:
            both = join((widen(left), widen(right)))
            return NUMBER if term.operator == "/" else number_from(both)
        elif shared == {"text"}:
            return TEXT
        elif shared == {"list"}:
            return ListOf(join((item_of(left), item_of(right))))
        return ANYTHING

    def compare(self, tree: Compare, known: _KnownTypes) -> Type:
        left_tree, left = tree.first, self.type_of(tree.first, known)
        for word, right_tree in tree.rest:
            right = self.type_of(right_tree, known)
            pair = f"{describe(left)} and {describe(right)}"
            if SECRET in {*members(left), *members(right)}:
                self.add(Code.WRONG_TYPE, "a secret cannot be compared", tree)
            elif word in {"==", "!="}:
                self.equality(tree, word, (left_tree, left), (right_tree, right))
            elif word in {"in", "not in"}:
                self.membership(tree, word, left, right)
            elif not shared_groups(left, right, _ORDERED):
                self.add(Code.WRONG_TYPE, f"`{word}` cannot take {pair}", tree)
            left_tree, left = right_tree, right
        return BOOLEAN

    def equality(
        self, tree: Compare, word: str, left: tuple[Tree, Type], right: tuple[Tree, Type]
    ) -> None:
        # null against a path is how people ask for a value; that is never called pointless
        if NULL in {left[1], right[1]} and any(path_of(side) for side, _ in (left, right)):
            return
        same = surely_equal(left[1], right[1])
        if same is None:
            return
        always = "true" if same == (word == "==") else "false"
        kinds = f"{describe(left[1])} and {describe(right[1])}"
        why = f": {kinds} are never equal" if groups(left[1]) != groups(right[1]) else ""
        self.add(Code.CONSTANT_CONDITION, f"this is always {always}{why}", tree)

    def membership(self, tree: Compare, word: str, item: Type, container: Type) -> None:
        found = groups(container)
        if found is None:
            return
        if not found & {"list", "text", "object"}:
            message = f"`{word}` needs a list, text or an object on its right, and this is"
            self.add(Code.WRONG_TYPE, f"{message} {describe(container)}", tree)
        elif "list" not in found:
            inside = groups(item)
            if inside is not None and "text" not in inside:
                message = f"`{word}` looks for text in {describe(container)}, and this is"
                self.add(Code.WRONG_TYPE, f"{message} {describe(item)}", tree)
        elif found == _LIST and surely_equal(item, item_of(container)) is False:
            always = "false" if word == "in" else "true"
            kinds = f"{describe(item)} is never an item of {describe(container)}"
            self.add(Code.CONSTANT_CONDITION, f"this is always {always}: {kinds}", tree)

    def condition(self, tree: Tree, known: _KnownTypes) -> Type:
        """A place where only the truth of the value matters."""
        if isinstance(tree, Logic):
            return self.logic(tree, known, in_condition=True)
        given = self.type_of(tree, known)
        if given == SECRET:
            self.add(Code.WRONG_TYPE, "a secret cannot be tested", tree)
        elif isinstance(tree, LiteralValue):
            self.always(tree, holds=truth(tree.value))
        elif isinstance(tree, ListDisplay):
            self.always(tree, holds=bool(tree.items))
        elif isinstance(tree, ObjectOf):
            self.always(tree, holds=bool(tree.fields))
        elif given == NULL:
            self.always(tree, holds=False)
        return given

    def always(self, tree: Tree, *, holds: bool) -> None:
        message = f"`{source_of(self.text, tree)}` is always {'true' if holds else 'false'}"
        self.add(Code.CONSTANT_CONDITION, message, tree)

    def logic(self, tree: Logic, known: _KnownTypes, *, in_condition: bool) -> Type:
        either = tree.operator == "or"
        found: list[Type] = []
        for position, value in enumerate(tree.values):
            last = position == len(tree.values) - 1
            tested = self.condition if in_condition or not last else self.type_of
            given = tested(value, replace(known, tolerant=either and not last))
            found.append(without_null(given) if either and not last and given != NULL else given)
            known = known.under(proven_if_false(value) if either else proven_if_true(value))
        return join(found)

    def choice(self, tree: Choice, known: _KnownTypes) -> Type:
        self.condition(tree.condition, known)
        then = self.type_of(tree.then, known.under(proven_if_true(tree.condition)))
        otherwise = self.type_of(tree.otherwise, known.under(proven_if_false(tree.condition)))
        return join((then, otherwise))

    def comprehension(self, tree: Comprehension, known: _KnownTypes) -> Type:
        for loop in tree.loops:
            given = self.type_of(loop.items, known)
            found = groups(given)
            if found is not None and "list" not in found:
                message = f"`for` needs a list, and this is {describe(given)}"
                self.add(Code.WRONG_TYPE, message, loop.items)
            # what was proven of another thing of this name says nothing of the variable
            proven = frozenset(path for path in known.proven if path[0] != loop.name)
            known = _KnownTypes({**known.names, loop.name: item_of(given)}, proven)
            for condition in loop.conditions:
                self.condition(condition, known)
                known = known.under(proven_if_true(condition))
        return ListOf(widen(self.type_of(tree.element, known)))

    def call(self, tree: FunctionCall, known: _KnownTypes) -> Type:
        problem = arity_problem(tree.function, len(tree.arguments))
        if problem is not None:
            self.add(Code.WRONG_TYPE, problem, tree)
        if tree.function == "default":
            return self.default(tree, known)
        signature = SIGNATURES[tree.function]
        given = [self.type_of(argument, known) for argument in tree.arguments]
        if problem is not None:
            return ANYTHING
        for position, (argument, found) in enumerate(zip(tree.arguments, given, strict=True)):
            wanted = signature.wanted(position)
            if not wanted.fits(found):
                message = f"`{tree.function}` needs {wanted.words}, and this is {describe(found)}"
                self.add(Code.WRONG_TYPE, message, argument)
        if tree.function in {"min", "max"} and len(given) > 1:
            self.extreme(tree, given)
        return signature.result(given)

    def extreme(self, tree: FunctionCall, given: list[Type]) -> None:
        for argument, found in zip(tree.arguments[1:], given[1:], strict=True):
            if not shared_groups(given[0], found, _ORDERED):
                pair = f"{describe(given[0])} with {describe(found)}"
                self.add(Code.WRONG_TYPE, f"`{tree.function}` cannot compare {pair}", argument)

    def default(self, tree: FunctionCall, known: _KnownTypes) -> Type:
        found = [
            self.type_of(argument, replace(known, tolerant=position == 0))
            for position, argument in enumerate(tree.arguments)
        ]
        kept = [without_null(given) for given in found[:1] if given != NULL]
        return join([*kept, *found[1:]])

    def add(self, code: Code, message: str, tree: Tree, help_text: str = "") -> None:
        self.problems.append(TypeProblem(code, message, tree.start, tree.length, help_text))


_LIST: frozenset[Group] = frozenset({"list"})
_OBJECT: frozenset[Group] = frozenset({"object"})
_NUMBERS: frozenset[Group] = frozenset({"number"})
_ORDERED: frozenset[Group] = frozenset({"number", "text"})
_ADDED: frozenset[Group] = frozenset({"number", "text", "list"})
