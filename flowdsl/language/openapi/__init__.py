"""What services say of themselves in OpenAPI 3.0 and 3.1, and whether calls and answers agree with it. Pure.

`read` a document, `check_call` a call against it before a run, `response_type` for what reads the answer, and `validate`
the answer itself in the run.
"""

from flowdsl.language.openapi.check import CallSite, call_match, check_call, check_operation
from flowdsl.language.openapi.contract import Contract, ContractProblem, Operation
from flowdsl.language.openapi.finding import CheckedCall, Finding
from flowdsl.language.openapi.match import Found, Match, Missing, Unsure, find, find_by_id
from flowdsl.language.openapi.read import Reading, read
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
    "call_match",
    "check_call",
    "check_operation",
    "find",
    "find_by_id",
    "read",
    "response_type",
    "validate",
]
