"""Plugins: generators, connectors and operators, found through entry points.

Listing imports nothing; a plugin is imported when it is used. What is built in is registered in the
same way as what a third party installs. A plugin is resolved once, on the driver; workers get its
`module:attribute`, and its distribution and version go into the plan.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from mintage.errors import PluginError, SourceError

if TYPE_CHECKING:
    from mintage.contracts import Connector, Generator, Operator

GROUPS = ("generators", "connectors", "operators")


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRef:
    """A plugin that is installed: `group` is one of `GROUPS`, `target` its `module:attribute`."""

    group: str
    name: str
    target: str
    distribution: str
    version: str

    def load(self) -> type:
        """Import the plugin's class. Raises `PluginError` with distribution, version and cause."""
        module, _, attribute = self.target.partition(":")
        try:
            found = getattr(import_module(module), attribute)
        except (Exception, SystemExit) as exc:  # a plugin that exits must not take the job along, unseen
            raise PluginError(
                f"the plugin {self.name!r} of {self.distribution} {self.version} cannot be loaded from "
                f"{self.target}: {type(exc).__name__}: {exc}",
                f"repair, upgrade or uninstall {self.distribution}",
            ) from exc
        if not (isinstance(found, type) and issubclass(found, _contract(self.group))):
            raise PluginError(
                f"the plugin {self.name!r} of {self.distribution} {self.version} is no "
                f"{_contract(self.group).__name__}: {self.target} is {found!r}",
                f"it must be a subclass of mintage.{_contract(self.group).__name__}",
            )
        return found

    def to_json(self) -> dict[str, str]:
        """The plugin as plain JSON values, for plans and listings."""
        return {
            "group": self.group,
            "name": self.name,
            "target": self.target,
            "distribution": self.distribution,
            "version": self.version,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> PluginRef:
        """The plugin that `to_json` described."""
        return cls(**value)


def list_plugins() -> list[PluginRef]:
    """All plugins that are installed, by group and name; nothing is imported."""
    return [ref for group in GROUPS for ref in _installed(group)]


def generator(kind: str) -> PluginRef:
    """The generator called `kind`; raises `PluginError` that names the nearest one."""
    return _find("generators", kind)


def connector(kind: str) -> PluginRef:
    """The connector called `kind`; raises `PluginError` that names the nearest one."""
    return _find("connectors", kind)


def operator(kind: str) -> PluginRef:
    """The operator called `kind`; raises `PluginError` that names the nearest one."""
    return _find("operators", kind)


def installed(ref: PluginRef) -> PluginRef:
    """The plugin of this machine that a file names.

    Whatever a file says, only what is registered here is ever imported. Raises `PluginError` when
    the name is not installed, or stands for something else here.
    """
    found = _find(ref.group, ref.name)
    if (found.target, found.distribution) != (ref.target, ref.distribution):
        raise PluginError(
            f"{ref.name!r} is {ref.target} of {ref.distribution} there, "
            f"but {found.target} of {found.distribution} here",
            f"install {ref.distribution} {ref.version}",
        )
    return found


def load_generator(ref: PluginRef) -> type[Generator]:
    """The class of a generator plugin."""
    return cast("type[Generator]", ref.load())


def load_connector(ref: PluginRef) -> type[Connector]:
    """The class of a connector plugin."""
    return cast("type[Connector]", ref.load())


def load_operator(ref: PluginRef) -> type[Operator]:
    """The class of an operator plugin."""
    return cast("type[Operator]", ref.load())


def connector_for(uri: str) -> PluginRef:
    """The connector whose suffix the location ends with (the longest wins); Parquet for a folder.

    Raises `SourceError` when several share the suffix, or none knows it.
    """
    path = uri.split("?", 1)[0].rstrip("/")
    last = path.rsplit("/", 1)[-1].lower()
    lengths = {ref: _suffix_match(ref, last) for ref in _installed("connectors")}
    best = max(lengths.values(), default=0)
    found = [ref for ref, length in lengths.items() if length == best]
    if best and len(found) == 1:
        return found[0]
    if best:
        raise SourceError(
            f"several connectors read {last!r}: {', '.join(ref.name for ref in found)}",
            "say which one with source.kind",
        )
    if "." not in last or last.startswith("*"):
        return connector("parquet")
    raise SourceError(
        f"no connector reads {last!r}",
        f"say which one with source.kind: {', '.join(ref.name for ref in _installed('connectors'))}",
    )


def _suffix_match(ref: PluginRef, file_name: str) -> int:
    try:
        suffixes = load_connector(ref).suffixes
    except PluginError as exc:
        # A plugin that nobody asked for must not stop a job, but nor may it fail unseen.
        warnings.warn(str(exc), RuntimeWarning, stacklevel=2)
        return 0
    return max((len(suffix) for suffix in suffixes if file_name.endswith(suffix)), default=0)


def _find(group: str, name: str) -> PluginRef:
    installed = _installed(group)
    found = [ref for ref in installed if ref.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        places = " and ".join(f"{ref.distribution} {ref.version}" for ref in found)
        raise PluginError(f"{len(found)} plugins are called {name!r}: in {places}", "uninstall one of them")
    known = sorted({ref.name for ref in installed})
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    raise PluginError(
        f"there is no {group[:-1]} {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        f"installed: {', '.join(known) or 'none'}; see `mintage plugins`",
    )


@cache
def _installed(group: str) -> tuple[PluginRef, ...]:
    refs = {
        PluginRef(
            group=group,
            name=point.name,
            target=point.value,
            distribution=point.dist.name if point.dist else "unknown",
            version=point.dist.version if point.dist else "unknown",
        )
        for point in entry_points(group=f"mintage.{group}")
    }
    return tuple(sorted(refs, key=lambda ref: (ref.name, ref.distribution)))


def _contract(group: str) -> type:
    from mintage import contracts

    return {
        "generators": contracts.Generator,
        "connectors": contracts.Connector,
        "operators": contracts.Operator,
    }[group]
