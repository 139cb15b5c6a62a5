"""The text of an OpenAPI document → JSON. Its limits are wider than a workflow's where it is JSON.

YAML goes through the reader of workflow files: 1.2, with its limits, and with lines. Keys that are not text there
(`200:`) are texts here, so they are quoted where the reader stumbled over them, and the text is read again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.language.openapi.contract import ContractProblem
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.language.text.document import load_document
from flowdsl.language.text.located import Located, Mapping, Sequence, plain
from flowdsl.language.text.source import MARK, Source
from flowdsl.plan.json import from_bytes
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json

LIMIT_CHARACTERS = 32 << 20

_PLAIN_KEY = re.compile(r"[-+.~\w]+")


class DocumentText(Struct, frozen=True):
    """`tree` is there for YAML only: it knows the lines."""

    value: Json
    tree: Located | None = None

    def line(self, parts: Iterable[str]) -> int:
        """Where the value of these keys is written, or the nearest that is around it; 0: unknown."""
        node, found = self.tree, 0
        for part in parts:
            if isinstance(node, Mapping) and (key := node.key(part)) is not None:
                node, found = node.get(part), key.span.line
            elif isinstance(node, Sequence) and part.isdecimal() and int(part) < len(node.items):
                node = node.items[int(part)]
                found = node.span.line
            else:
                break
        return found


def read_text(source: Source) -> DocumentText | ContractProblem:
    text = source.text.removeprefix(MARK)
    if len(text) > LIMIT_CHARACTERS:
        return ContractProblem(
            Code.UNREADABLE_OPENAPI,
            "",
            0,
            "the document is larger than 32 MiB",
            "split it by service",
        )
    complaint = ""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return DocumentText(from_bytes(text))
        except ValueError as error:
            complaint = f"this is not JSON: {error}"
    found = _read_yaml(source)
    if (
        isinstance(found, ContractProblem) and complaint
    ):  # what begins with a brace was meant to be JSON
        return ContractProblem(
            Code.UNREADABLE_OPENAPI, "", 0, complaint, "OpenAPI documents are YAML or JSON"
        )
    return found


def _read_yaml(source: Source) -> DocumentText | ContractProblem:
    tree, problems = load_document(source)
    numbers = [span for problem in problems if (span := _key_to_quote(source, problem))]
    if numbers:
        tree, problems = load_document(_with_quotes(source, numbers))
    if tree is None or problems:
        return _cannot_be_read(problems[0])
    return DocumentText(plain(tree), tree)


def _key_to_quote(source: Source, problem: Diagnostic) -> Span | None:
    is_key = problem.code == Code.UNUSED_YAML and _PLAIN_KEY.fullmatch(source.at(problem.span))
    return problem.span if is_key else None


def _with_quotes(source: Source, spans: list[Span]) -> Source:
    lines = list(source.lines)
    for span in sorted(dict.fromkeys(spans), key=lambda span: (span.line, -span.column)):
        line, start = lines[span.line - 1], span.column - 1
        end = start + span.length
        lines[span.line - 1] = f'{line[:start]}"{line[start:end]}"{line[end:]}'
    return Source(source.path, "\n".join(lines))


def _cannot_be_read(problem: Diagnostic) -> ContractProblem:
    help_text = problem.help
    if problem.code == Code.FILE_OVER_LIMIT:
        help_text = "write the document as JSON, which may be larger"
    return ContractProblem(
        Code.UNREADABLE_OPENAPI, "", problem.span.line, problem.message, help_text
    )
