"""Text → Plan, pure: `load.load(Source(path, text))`, or `check` for everything there is to say about a file.

    text/           a file as a tree that knows its places
    parse/          the tree as a `Workflow`, a class a verb
    contracts.py, openapi/      what services say of themselves, and whether calls agree with it
    places.py, order.py, subject.py     where each step stands, what runs before what, the names that are known
    family.py, traits.py        the files that are used, and what a step that uses one has to know of them
    rules/          everything that can be wrong, one file a family
    lower/          the `Workflow` as a `Plan`
    inputs.py, conformance/     the inputs of a run, and any value, against a JSON Schema
    load.py, explain.py, repeats.py     the whole way; the pages; calls that stand in several files

A stage takes what the one before it made. No file is read here: texts are handed in.
"""

from typing import TYPE_CHECKING

from flowdsl.late import late

if TYPE_CHECKING:
    from flowdsl.language.inputs import InputProblem, from_text, read_inputs
    from flowdsl.language.load import (
        Checked,
        InvalidWorkflow,
        check,
        compile_pinned,
        compile_plan,
        is_workflow,
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
    "flatten",
    "from_text",
    "is_workflow",
    "paths_named",
    "read_inputs",
    "repeated",
]

if not TYPE_CHECKING:  # a checker that saw this would let any name pass
    __getattr__ = late(
        __name__,
        {
            "flowdsl.language.inputs": ("InputProblem", "from_text", "read_inputs"),
            "flowdsl.language.load": (
                "Checked",
                "InvalidWorkflow",
                "check",
                "compile_pinned",
                "compile_plan",
                "is_workflow",
                "paths_named",
            ),
            "flowdsl.language.lower.flatten": ("flatten",),
            "flowdsl.language.repeats": ("repeated",),
            "flowdsl.language.text.diagnostics": ("SEVERITIES", "Diagnostic", "Fix", "Severity"),
            "flowdsl.language.text.library": ("Library",),
            "flowdsl.language.text.source": ("Source", "decode"),
        },
    )
