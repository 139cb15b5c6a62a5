"""What a run was not given, or was given wrong: said before it starts, and before it goes on."""

from __future__ import annotations

from collections.abc import Sequence

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.language import InputProblem


def given_before(missing: Sequence[str]) -> InputError:
    """The run was given these secret inputs, and goes on with nothing else."""
    flags = " ".join(f"-i {name}=…" for name in missing)
    names = ", ".join(f"`{name}`" for name in missing)
    message = (
        f"the secret input{'s' if len(missing) > 1 else ''} {names} of this run must be given again"
    )
    return InputError(
        message, code=Code.WRONG_INPUTS, help=f"secret inputs are never stored: add {flags}"
    )


def is_wanting(error: InputError) -> bool:
    """Whether it is for want of a secret that a run cannot go on."""
    return error.code in (Code.WRONG_INPUTS, Code.MISSING_SECRET)


def unset(missing: Sequence[str]) -> InputError | None:
    """Of the secrets that a workflow names: those without a value."""
    if not missing:
        return None
    return InputError(
        "\n".join(f"the secret `{name}` has no value" for name in missing),
        code=Code.MISSING_SECRET,
        help="set it in the environment, in .env beside the project, or in a file named by --secrets-file",
    )


def wrong_inputs(problems: Sequence[InputProblem]) -> InputError:
    """One line a problem; the flags to add in one line, ready to type."""
    messages = dict.fromkeys(problem.message for problem in problems)
    missing = [f"-i {problem.name}=…" for problem in problems if problem.is_missing]
    hints = [problem.help for problem in problems if problem.help]
    add = [f"add {' '.join(missing)}"] if missing else []
    return InputError(
        "\n".join(messages), code=Code.WRONG_INPUTS, help="\n".join(dict.fromkeys([*hints, *add]))
    )
