"""What services say of themselves in OpenAPI 3.0 and 3.1, and whether calls and answers agree with it. Pure.

`read` a document, `check_call` a call against it before a run, `response_type` for what reads the answer, and `validate`
the answer itself in the run.
"""

from typing import TYPE_CHECKING

from flowdsl.late import late

if TYPE_CHECKING:
    from flowdsl.language.openapi.check import CallSite, call_match, check_call, check_operation
    from flowdsl.language.openapi.contract import Contract, ContractProblem, Operation
    from flowdsl.language.openapi.finding import CheckedCall, Finding
    from flowdsl.language.openapi.match import Found, Match, Missing, Unsure, find, find_by_id
    from flowdsl.language.openapi.offers import batch_of, confirm_of, undo_of
    from flowdsl.language.openapi.path import take_apart
    from flowdsl.language.openapi.read import Reading
    from flowdsl.language.openapi.reading import Readings
    from flowdsl.language.openapi.response import validate
    from flowdsl.language.openapi.types import response_type

__all__ = [
    "CallSite",
    "CheckedCall",
    "Contract",
    "ContractProblem",
    "Finding",
    "Found",
    "Match",
    "Missing",
    "Operation",
    "Reading",
    "Readings",
    "Unsure",
    "batch_of",
    "call_match",
    "check_call",
    "check_operation",
    "confirm_of",
    "find",
    "find_by_id",
    "response_type",
    "take_apart",
    "undo_of",
    "validate",
]

if not TYPE_CHECKING:  # a checker that saw this would let any name pass
    __getattr__ = late(
        __name__,
        {
            "flowdsl.language.openapi.check": (
                "CallSite",
                "batch_of",
                "call_match",
                "check_call",
                "check_operation",
            ),
            "flowdsl.language.openapi.contract": ("Contract", "ContractProblem", "Operation"),
            "flowdsl.language.openapi.finding": ("CheckedCall", "Finding"),
            "flowdsl.language.openapi.match": (
                "Found",
                "Match",
                "Missing",
                "Unsure",
                "confirm_of",
                "find",
                "find_by_id",
            ),
            "flowdsl.language.openapi.offers": ("batch_of", "confirm_of", "undo_of"),
            "flowdsl.language.openapi.path": ("take_apart",),
            "flowdsl.language.openapi.read": ("Reading",),
            "flowdsl.language.openapi.reading": ("Readings",),
            "flowdsl.language.openapi.response": ("validate",),
            "flowdsl.language.openapi.types": ("response_type",),
        },
    )
