"""Every command on a store of which one file is missing, zeroed, cut or has a flipped bit: an answer or an error, never a bug."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_line import DECLINED, SHIPPED, CommandLine, Services
from tests.counts import count
from tests.disk.journals import flipped

FLOW = str(SHIPPED / "trip.yaml")
FILES = ("store.json", "key", "definitions/*", "claims/open", "journals/*.jsonl")
COMMANDS = (
    ("fsck",),
    ("list",),
    ("status", "open"),
    ("resume", "open"),
    ("run", FLOW, *DECLINED, "--id", "open"),
)
HURT: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "zeroed": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flipped": lambda path: path.write_bytes(flipped(path.read_bytes(), 8 * 40)),
}


def hurt(path: Path, how: Callable[[Path], object]) -> None:
    """Of a symlink, what it says."""
    if not path.is_symlink():
        how(path)
        return
    beside = path.with_name("beside")
    beside.write_text(str(path.readlink()))
    path.unlink()
    how(beside)
    if beside.exists():
        path.symlink_to(os.fsdecode(beside.read_bytes().replace(b"\0", b"?")))
        beside.unlink()


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_store_is_answered_for(
    cli: CommandLine, services: Services, project: Path, name: str, *, full: bool
) -> None:
    # given a run that is stuck
    services.fault(service="hotels", method="DELETE", path="/reservations/*", fault="refuse:403")
    assert cli("run", FLOW, *DECLINED, "--id", "open").code == 3
    store, whole = project / ".flowdsl", project / "whole"
    shutil.copytree(store, whole, symlinks=True)
    for how in HURT if full else ("missing", "flipped"):
        for words in COMMANDS:
            shutil.rmtree(store)
            shutil.copytree(whole, store, symlinks=True)
            (path,) = [*store.glob(name)] or [store / name]  # `glob` sees no symlink of nothing
            hurt(path, HURT[how])
            # when
            done = cli(*words)
            # then
            tried = f"{name} {how}: {' '.join(words)}: {done}"
            assert done.code in (0, 1, 2, 3, 74), tried
            assert done.code in (0, 1, 3) or re.search(r"^error\[F\d+\]", done.err, re.MULTILINE), (
                tried
            )
            count("commands on a damaged store")
    # and nothing happened twice
    assert services.counts() == {1}


def test_what_can_be_mended_is_and_the_run_goes_on(
    cli: CommandLine, services: Services, project: Path
) -> None:
    # given a store without what holds nothing, as a copy that leaves out empty folders makes it
    services.fault(service="hotels", method="DELETE", path="/reservations/*", fault="refuse:403")
    assert cli("run", FLOW, *DECLINED, "--id", "open").code == 3
    store = project / ".flowdsl"
    (store / "quarantine").rmdir()
    (store / "store.json").unlink()
    (store / "claims" / "open").unlink()
    (store / "claims" / "open").write_bytes(bytes(64))
    # then it is not opened, and it is said why
    refused = cli("resume", "open")
    assert (refused.code, "error[F203]" in refused.err, "flowdsl fsck" in refused.err) == (
        2,
        True,
        True,
    )
    assert cli("fsck").code == 1
    # and when it is mended
    mended = cli("fsck", "--repair", "--json").json["findings"]
    assert {one["path"] for one in mended if one["repairable"]} == {
        "quarantine",
        "store.json",
        "claims/open",
    }
    assert [one["kind"] for one in cli("fsck", "--json").json["findings"]] == ["kept"]
    assert cli("resume", "open").code == 1
    assert services.residue("compensated") == []


# --- a store that others may write ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "mode"),
    [(".", 0o777), (".", 0o770), ("key", 0o666), ("key", 0o660), ("journals", 0o702)],
)
def test_a_store_that_others_may_write_is_warned_of(
    path: str, mode: int, cli: CommandLine, project: Path
) -> None:
    cli.write("w.yaml", "flowdsl: 1\nsteps:\n  - wait: 1ms\n")
    quiet = cli("run", "w.yaml")
    assert (quiet.code, "F211" in quiet.err, cli("fsck").code) == (0, False, 0)
    (project / ".flowdsl" / path).chmod(mode)
    # when
    done, examined = cli("run", "w.yaml"), cli("fsck")
    # then
    assert done.code == 0
    (line,) = [each for each in done.err.splitlines() if "F211" in each]
    assert line.startswith("warning[F211]: .flowdsl: others may write it: chmod -R go-w ")
    assert "exposed" in examined.out
    assert ("the folder itself" if path == "." else path) in examined.out
    assert examined.code == 0  # nothing is damaged
    # when one does what it says
    subprocess.run(line.partition("it: ")[2].split(), check=True)
    assert "F211" not in cli("run", "w.yaml").err


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can give a file away")
def test_a_store_of_another_user_is_warned_of(cli: CommandLine, project: Path) -> None:
    cli.write("w.yaml", "flowdsl: 1\nsteps:\n  - wait: 1ms\n")
    cli("run", "w.yaml")
    os.chown(project / ".flowdsl" / "key", 4711, -1)
    done, examined = cli("run", "w.yaml"), cli("fsck")
    assert "warning[F211]: .flowdsl: it belongs to another user" in done.err
    assert "who may write it: key" in examined.out
