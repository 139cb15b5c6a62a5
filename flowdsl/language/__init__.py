"""Text → Plan, pure: `load(Source(path, text))`, or `check` for everything there is to say about a file."""

from flowdsl.language.explain import explain
from flowdsl.language.inputs import InputProblem, from_text, read_inputs
from flowdsl.language.load import (
    Checked,
    InvalidWorkflow,
    check,
    compile_pinned,
    compile_plan,
    is_workflow,
    load,
    paths_named,
)
from flowdsl.language.lower.flatten import flatten
from flowdsl.language.repeats import repeated
from flowdsl.language.text.diagnostics import SEVERITIES, Diagnostic, Fix, Severity
from flowdsl.language.text.library import Library
from flowdsl.language.text.source import Source, decode

__all__ = [
    "SEVERITIES",
    "Checked",
    "Diagnostic",
    "Fix",
    "InputProblem",
    "InvalidWorkflow",
    "Library",
    "Severity",
    "Source",
    "check",
    "compile_pinned",
    "compile_plan",
    "decode",
    "explain",
    "flatten",
    "from_text",
    "is_workflow",
    "load",
    "paths_named",
    "read_inputs",
    "repeated",
]
