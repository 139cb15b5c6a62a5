"""The checker takes a large document of somebody else's as it takes ours: without a crash, and in good time.

`--full` downloads it; otherwise the test is for whoever has it already.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flowdsl.language import Library, Source, check
from flowdsl.language.load import Checked
from flowdsl.language.openapi import Contract
from tests.conftest import Counts
from tests.language.openapi.checking import SECONDS_AT_MOST, contract_of
from tests.language.openapi.third_party import download, present, workflow_of

OPERATIONS_AT_LEAST = 100


@pytest.fixture(scope="module")
def theirs(request: pytest.FixtureRequest) -> str:
    cache = request.config.cache
    assert cache is not None
    folder: Path = cache.mkdir("third-party-openapi")
    text = download(folder) if request.config.getoption("--full") else present(folder)
    if text is None:
        pytest.skip("no third-party document is here; --full downloads one")
    return text


@pytest.fixture(scope="module")
def contract(theirs: str) -> Contract:
    found = contract_of(theirs)
    assert len(found.operations) > OPERATIONS_AT_LEAST
    return found


def checked_in_time(text: str, document: str) -> Checked:
    started = time.process_time()
    checked = check(Source("w.yaml", text), Library({"theirs.yaml": document}))
    assert time.process_time() - started < SECONDS_AT_MOST
    return checked


def test_a_call_to_every_operation_is_checked(
    theirs: str, contract: Contract, counts: Counts
) -> None:
    checked = checked_in_time(workflow_of(contract.operations), theirs)
    assert not [d for d in checked.diagnostics if d.code in ("F090", "F091", "F092")]
    assert checked.coverage is not None
    assert checked.coverage.checked == len(contract.operations)
    counts.add(
        "operations of a third-party document, each called and checked", len(contract.operations)
    )


def test_a_wrong_path_is_found_wherever_it_is(theirs: str, contract: Contract) -> None:
    """Of every fourth operation: what was meant is looked for among all paths."""
    some = contract.operations[::4]
    checked = checked_in_time(workflow_of(some, misspelt=True), theirs)
    wrong = [d for d in checked.diagnostics if d.code == "F092"]
    assert len(wrong) == len(some)
    assert len({d.span.line for d in wrong}) == len(some)
