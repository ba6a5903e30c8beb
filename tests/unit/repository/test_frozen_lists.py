"""What people rely on by name: exports, options of the command line, plugins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, distribution
from pathlib import Path

import click
import pytest

import mintage
from mintage.cli import main
from mintage.contracts import Connector, Generator, Operator

HERE = Path(__file__).parent
CONTRACTS: dict[str, type] = {
    "mintage.generators": Generator,
    "mintage.connectors": Connector,
    "mintage.operators": Operator,
}
ENTRY_POINTS = [point for point in distribution("mintage").entry_points if point.group in CONTRACTS]

Frozen = Callable[[Path, list[str]], None]


def command_lines(command: click.Command, path: str) -> Iterator[str]:
    """One line for each command, and for each of its arguments and options."""
    yield path
    for parameter in command.params:
        name = (
            parameter.opts[0] if isinstance(parameter, click.Argument) else "/".join(sorted(parameter.opts))
        )
        yield f"{path} {name}"
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            yield from command_lines(command.commands[child], f"{path} {child}")


def test_exported_names_are_frozen(frozen: Frozen) -> None:
    frozen(HERE / "exports.txt", list(mintage.__all__))


def test_exports_are_sorted_and_there() -> None:
    assert list(mintage.__all__) == sorted(mintage.__all__)
    assert [name for name in mintage.__all__ if not hasattr(mintage, name)] == []


def test_commands_and_options_are_frozen(frozen: Frozen) -> None:
    frozen(HERE / "cli-options.txt", list(command_lines(main, "mintage")))


def test_every_command_and_option_has_a_help_text() -> None:
    silent = []
    for name, command in main.commands.items():
        silent += [name] if not command.help else []
        silent += [
            f"{name} {option.opts[0]}"
            for option in command.params
            if isinstance(option, click.Option) and not option.help
        ]
    assert silent == []


@pytest.mark.parametrize("name", ["generators", "connectors", "operators"])
def test_there_are_plugins_of_each_kind(name: str) -> None:
    assert [point for point in ENTRY_POINTS if point.group == f"mintage.{name}"]


@pytest.mark.parametrize("point", ENTRY_POINTS, ids=lambda point: f"{point.group}:{point.name}")
def test_entry_point_loads_a_class_of_its_contract(point: EntryPoint) -> None:
    assert issubclass(point.load(), CONTRACTS[point.group])
