"""What cannot be expressed yet is refused by name. When this test fails, the case can be written."""

from __future__ import annotations

import pytest

from flowdsl.language.load import InvalidWorkflow
from tests.contract.not_yet import NOT_YET
from tests.contract.sagas import saga


@pytest.mark.parametrize("case", NOT_YET)
def test_a_case_that_waits_for_the_language_is_refused_by_the_key_it_needs(case: str) -> None:
    why, step, key = NOT_YET[case]
    with pytest.raises(InvalidWorkflow, match=key):
        saga(f"- {step}")
    assert why
