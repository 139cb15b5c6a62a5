"""Checked tree → closures, made once when an expression is read.

A closure takes the `Frame` of one evaluation and gives a value. It reaches dicts and lists and nothing
else of Python. What an operation cannot do is a `Fault` without a place; the closure adds the place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import DivisionByZero, Overflow, Underflow
from types import MappingProxyType
from typing import TypeAlias

from msgspec import Struct

from flowdsl.plan.expression.budget import PRECISION, Closure, Frame, Value
from flowdsl.plan.expression.fault import EvaluationError, Fault
from flowdsl.plan.expression.functions import FUNCTIONS, arity_problem
from flowdsl.plan.expression.operations import COMPARISONS, OPERATORS, affirm, kind, negate, truth
from flowdsl.plan.expression.reading import DataPath, key_of, lookup, read_field, read_index
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
    Loop,
    Not,
    ObjectOf,
    SecretName,
    Sign,
    Subscript,
    Term,
    Tree,
    Variable,
    cost,
)
from flowdsl.plan.values import Secret

# A comprehension's variable → where the frame keeps it: two comprehensions may use one name.
Bound: TypeAlias = Mapping[str, str]
NOTHING_BOUND: Bound = MappingProxyType({})


def compile_tree(tree: Tree, text: str) -> Closure:
    return _Compiler(text).closure(tree, NOTHING_BOUND)


class _Compiler(Struct, frozen=True):
    text: str

    def closure(self, tree: Tree, bound: Bound) -> Closure:
        match tree:
            case LiteralValue(value=value):
                return lambda _frame: value
            case SecretName(name=name):
                secret = Secret(name)
                return lambda _frame: secret
            case Variable():
                return self.name(tree, bound)
            case Field() | Subscript():
                return self.path(tree, bound)
            case ListDisplay():
                return self.list_of(tree, bound)
            case ObjectOf():
                return self.object_of(tree, bound)
            case Sign():
                return self.sign(tree, bound)
            case Not():
                test = self.test(tree.value, bound)
                return lambda frame: not test(frame)
            case Chain():
                return self.chain(tree, bound)
            case Compare():
                return self.compare(tree, bound)
            case Logic():
                return self.logic(tree, bound)
            case Choice():
                return self.choice(tree, bound)
            case Comprehension():
                return self.comprehension(tree, bound)
            case FunctionCall():
                return self.call(tree, bound)

    def closures(self, trees: tuple[Tree, ...], bound: Bound) -> tuple[Closure, ...]:
        return tuple(self.closure(tree, bound) for tree in trees)

    def tolerant(self, tree: Tree, bound: Bound) -> Closure:
        """As `closure`, but a field that is not there is null, at any step of the path."""
        match tree:
            case Variable() if tree.name not in bound:
                name = tree.name
                return lambda frame: frame.scope.get(name)
            case Field(key=key):
                source = self.tolerant(tree.value, bound)
                return lambda frame: lookup(source(frame), key)
            case Subscript():
                source, index = self.tolerant(tree.value, bound), self.closure(tree.index, bound)
                return lambda frame: lookup(source(frame), key_of(index(frame)))
        return self.closure(tree, bound)

    def name(self, tree: Variable, bound: Bound) -> Closure:
        name = tree.name
        if name in bound:
            slot = bound[name]
            return lambda frame: frame.variables[slot]

        def read(frame: Frame) -> Value:
            try:
                return frame.scope[name]
            except KeyError:
                message = f"there is no `{name}` here"
                raise EvaluationError(message, tree.start, tree.length) from None

        return read

    def path(self, tree: Field | Subscript, bound: Bound) -> Closure:
        source = self.closure(tree.value, bound)
        place = DataPath(self.text, tree)
        if isinstance(tree, Field):
            key = tree.key

            def field(frame: Frame) -> Value:
                value = source(frame)
                if type(value) is dict and key in value:
                    return value[key]
                return read_field(value, key, place)

            return field
        index = self.closure(tree.index, bound)
        return lambda frame: read_index(source(frame), index(frame), place)

    def list_of(self, tree: ListDisplay, bound: Bound) -> Closure:
        items = self.closures(tree.items, bound)
        return lambda frame: [item(frame) for item in items]

    def object_of(self, tree: ObjectOf, bound: Bound) -> Closure:
        fields = tuple((key, self.closure(value, bound)) for key, value in tree.fields)
        return lambda frame: {key: value(frame) for key, value in fields}

    def sign(self, tree: Sign, bound: Bound) -> Closure:
        value = self.closure(tree.value, bound)
        operation = negate if tree.operator == "-" else affirm

        def run(frame: Frame) -> Value:
            given = value(frame)
            try:
                return operation(frame, given)
            except Fault as fault:
                raise _located(fault, tree) from None

        return run

    def test(self, tree: Tree, bound: Bound) -> Callable[[Frame], bool]:
        value = self.closure(tree, bound)

        def holds(frame: Frame) -> bool:
            given = value(frame)
            if given is True or given is False:
                return given
            try:
                return truth(given)
            except Fault as fault:
                raise _located(fault, tree) from None

        return holds

    def chain(self, tree: Chain, bound: Bound) -> Closure:
        run = self.closure(tree.first, bound)
        if len(tree.terms) == 1:
            return self.term(run, tree.terms[0], bound)
        first = run
        links = [
            (OPERATORS[term.operator], self.closure(term.value, bound), term) for term in tree.terms
        ]

        def fold(frame: Frame) -> Value:
            total = first(frame)
            for operation, value, term in links:
                operand = value(frame)
                try:
                    total = operation(frame, total, operand)
                except (Fault, ArithmeticError) as fault:
                    raise _located(fault, term) from None
            return total

        return fold

    def term(self, left: Closure, term: Term, bound: Bound) -> Closure:
        right = self.closure(term.value, bound)
        operation = OPERATORS[term.operator]

        def run(frame: Frame) -> Value:
            one, other = left(frame), right(frame)
            try:
                return operation(frame, one, other)
            except (Fault, ArithmeticError) as fault:
                raise _located(fault, term) from None

        return run

    def compare(self, tree: Compare, bound: Bound) -> Closure:
        first = self.closure(tree.first, bound)
        rest = [(COMPARISONS[word], self.closure(value, bound)) for word, value in tree.rest]

        def run(frame: Frame) -> Value:
            left = first(frame)
            for holds, value in rest:
                right = value(frame)
                try:
                    if not holds(frame, left, right):
                        return False
                except (Fault, ArithmeticError) as fault:
                    raise _located(fault, tree) from None
                left = right
            return True

        return run

    def logic(self, tree: Logic, bound: Bound) -> Closure:
        stop = tree.operator == "or"
        compile_one = self.tolerant if stop else self.closure
        firsts = [(compile_one(value, bound), value) for value in tree.values[:-1]]
        last = self.closure(tree.values[-1], bound)

        def run(frame: Frame) -> Value:
            for value, operand in firsts:
                given = value(frame)
                try:
                    if truth(given) is stop:
                        return given
                except Fault as fault:
                    raise _located(fault, operand) from None
            return last(frame)

        return run

    def choice(self, tree: Choice, bound: Bound) -> Closure:
        condition = self.test(tree.condition, bound)
        then, otherwise = self.closure(tree.then, bound), self.closure(tree.otherwise, bound)
        return lambda frame: then(frame) if condition(frame) else otherwise(frame)

    def call(self, tree: FunctionCall, bound: Bound) -> Closure:
        problem = arity_problem(tree.function, len(tree.arguments))
        if problem is not None:
            return _always_failing(problem, tree)
        if tree.function == "default":
            first = self.tolerant(tree.arguments[0], bound)
            second = self.closure(tree.arguments[1], bound)

            def default(frame: Frame) -> Value:
                value = first(frame)
                return second(frame) if value is None else value

            return default
        arguments = self.closures(tree.arguments, bound)
        apply = FUNCTIONS[tree.function].apply

        def run(frame: Frame) -> Value:
            given = [argument(frame) for argument in arguments]
            try:
                return apply(frame, given)
            except (Fault, ArithmeticError) as fault:
                raise _located(fault, tree) from None

        return run

    def comprehension(self, tree: Comprehension, bound: Bound) -> Closure:
        scopes: list[Bound] = [bound]
        for loop in tree.loops:
            scopes.append({**scopes[-1], loop.name: _slot(loop)})
        element = self.closure(tree.element, scopes[-1])

        def add(frame: Frame, result: list[Value]) -> None:
            frame.take(1)
            result.append(element(frame))

        step: Step = add
        price = cost(tree.element)
        for position in reversed(range(len(tree.loops))):
            loop = tree.loops[position]
            price += 1 + sum(cost(condition) for condition in loop.conditions)
            step = self.loop(loop, step, price, (scopes[position], scopes[position + 1]))
            price = cost(loop.items)
        outermost = step

        def run(frame: Frame) -> Value:
            result: list[Value] = []
            try:
                outermost(frame, result)
            except Fault as fault:
                raise _located(fault, tree) from None
            return result

        return run

    def loop(self, loop: Loop, inner: Step, price: int, scopes: tuple[Bound, Bound]) -> Step:
        """`price`: what one turn costs, not counting the loops inside it."""
        items = self.closure(loop.items, scopes[0])
        conditions = [self.test(condition, scopes[1]) for condition in loop.conditions]
        slot = _slot(loop)

        def turn(frame: Frame, result: list[Value]) -> None:
            values = items(frame)
            if not isinstance(values, list):
                message = f"`for` needs a list, and this is {kind(values)}"
                raise EvaluationError(message, loop.items.start, loop.items.length)
            for value in values:
                frame.spend(price)
                frame.variables[slot] = value
                if all(holds(frame) for holds in conditions):
                    inner(frame, result)

        return turn


Step: TypeAlias = Callable[[Frame, "list[Value]"], None]


def _slot(loop: Loop) -> str:
    return f"{loop.name}@{loop.name_start}"


def _always_failing(message: str, tree: Tree) -> Closure:
    def fail(_frame: Frame) -> Value:
        raise EvaluationError(message, tree.start, tree.length)

    return fail


def _located(fault: Fault | ArithmeticError, tree: Tree | Term) -> EvaluationError:
    match fault:
        case Fault():
            message = str(fault)
        case Overflow():
            message = "this number is too large: at most 4,300 digits"
        case Underflow():
            message = "this number is too close to zero to be kept"
        case DivisionByZero() | ZeroDivisionError():
            message = "division by zero"
        case _:
            message = f"this cannot be computed with {PRECISION} digits"
    return EvaluationError(message, tree.start, tree.length)
