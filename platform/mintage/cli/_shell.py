"""How the command line ends: exit codes, errors as one block, one JSON object on stdout."""

from __future__ import annotations

import json
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from mintage.errors import MintageError
from mintage.jobs.terminating import TerminatedError, terminable

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130
TERMINATED = 143

_Command = TypeVar("_Command", bound=Callable[..., object])


class Shell(click.Group):
    """Commands that exit with 0 done, 1 failed, 2 bad input, 130 or 143 stopped, and never with a traceback.

    `--debug` prints the traceback besides; `--json` tells an error as a JSON object on stdout too.
    Without `standalone_mode`, errors and results reach the caller as they are.
    """

    def main(  # type: ignore[override]  # always by keyword from here on, as click itself calls it
        self,
        args: Sequence[str] | None = None,
        *,
        standalone_mode: bool = True,
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401  # click's signature
        """Run the command that the arguments name."""
        if not standalone_mode:
            return super().main(args, standalone_mode=False, **options)
        arguments = list(sys.argv[1:] if args is None else args)
        try:
            with terminable():
                result = super().main(arguments, standalone_mode=False, **options)
        except (Exception, TerminatedError) as exc:  # noqa: BLE001  # the outermost edge: a person is told, whatever happened
            if "--debug" in arguments:
                traceback.print_exc()
            sys.exit(_tell(exc, arguments))
        sys.exit(result if isinstance(result, int) else 0)


def common(command: _Command) -> _Command:
    """The options that every command has."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")(
        command
    )
    return click.option(
        "--debug", is_flag=True, expose_value=False, help="Print the traceback of an error as well."
    )(command)


def print_json(value: Mapping[str, object]) -> None:
    """Print the one JSON object of a command. What JSON cannot carry (dates, decimals) becomes text."""
    click.echo(json.dumps(value, allow_nan=False, default=str))


def _tell(error: BaseException, arguments: Sequence[str]) -> int:
    """Say what went wrong on stderr, and on stdout for `--json`; returns the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return BAD_INPUT
    kind, message, hint, code = _describe(error, arguments)
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    if "--json" in arguments:
        print_json({"error": {"type": kind, "message": message, "hint": hint}})
    return code


def _describe(error: BaseException, arguments: Sequence[str]) -> tuple[str, str, str, int]:
    """The kind of an error, what happened, what to do, and the exit code."""
    if isinstance(error, MintageError):
        return type(error).__name__, error.message, error.hint, error.exit_code
    if isinstance(error, click.Abort | TerminatedError):
        code = TERMINATED if isinstance(error, TerminatedError) else INTERRUPTED
        return "Interrupted", "interrupted", _how_to_resume(arguments), code
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "mintage"
        return "UsageError", error.format_message(), f"see `{command} --help`", BAD_INPUT
    if isinstance(error, click.ClickException):
        return type(error).__name__, error.format_message(), "", BAD_INPUT
    message = f"something unexpected happened: {type(error).__name__}: {error}"
    return type(error).__name__, message, "this is a defect: run it again with --debug and report it", FAILED


def _how_to_resume(arguments: Sequence[str]) -> str:
    if "run" not in arguments[:2]:
        return ""
    return (
        f"what is committed stays; the same command goes on from there: {shlex.join(['mintage', *arguments])}"
    )
