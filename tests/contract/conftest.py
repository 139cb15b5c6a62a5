"""Every case is crashed at every point, or says why not; what that came to is counted."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.contract.cases import is_case, why_not_crashed
from tests.contract.tally import TALLY
from tests.counts import count


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    TALLY.begin(full=bool(pyfuncitem.config.getoption("--full")))
    result = yield
    if is_case(pyfuncitem.originalname):
        why = why_not_crashed(pyfuncitem.function.__doc__ or "")
        assert bool(TALLY.crashes) != bool(why), "a case is crashed, or says in one line why not"
    count("cases of the contract: crashes in them", TALLY.crashes)
    count("cases of the contract: faults struck in them", TALLY.struck)
    return result
