"""From a spec to the plugins that it names, each with its checked options: nothing has run yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from mintage import plugins
from mintage.contracts import Connector, DatasetSchema, Generator, Operator
from mintage.jobs.sources import make_connector
from mintage.plugins import PluginRef
from mintage.spec import JobSpec, spec_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An operator of the spec: its plugin, its options, and the object made of both."""

    ref: PluginRef
    config: Mapping[str, object]
    operator: Operator

    @property
    def reason(self) -> str:
        """The code under which its violations are counted."""
        return self.operator.reason

    def table(self, schema: DatasetSchema) -> str:
        """The table whose rows it judges; raises `SpecError` when there is none of that name."""
        return schema.table(self.operator.config.table or schema.root).name


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The plugins of a job. `generator` is None when the spec names a model that was fitted before."""

    generator: PluginRef | None
    generator_config: Mapping[str, object]
    needs_source: bool
    rules: tuple[Rule, ...]
    sink: PluginRef
    sink_connector: Connector

    @property
    def versions(self) -> dict[str, str]:
        """The version of every distribution whose code decides what rows come out."""
        refs = [rule.ref for rule in self.rules] + ([self.generator] if self.generator else [])
        return {"mintage": version("mintage")} | {ref.distribution: ref.version for ref in refs}


def resolve(spec: JobSpec) -> Resolution:
    """Find every plugin of the spec, and check its options. Raises `PluginError` or `SpecError`."""
    generator, config, needs_source = _resolve_generator(spec)
    sink = plugins.connector(spec.sink.format)
    return Resolution(
        generator=generator,
        generator_config=config,
        needs_source=needs_source,
        rules=tuple(_resolve_rule(spec, index) for index in range(len(spec.validate_))),
        sink=sink,
        sink_connector=make_connector(sink, spec.sink.options, "sink.options"),
    )


def _resolve_generator(spec: JobSpec) -> tuple[PluginRef | None, Mapping[str, object], bool]:
    if spec.generator is None:
        return None, {}, False
    ref = plugins.generator(spec.generator.kind)
    cls: type[Generator] = plugins.load_generator(ref)
    with spec_errors(cls.Config, "generator"):
        config = cls.Config.model_validate(spec.generator.config)
    return ref, config.model_dump(mode="json"), cls.needs_source


def _resolve_rule(spec: JobSpec, index: int) -> Rule:
    part = spec.validate_[index]
    ref = plugins.operator(part.kind)
    cls: type[Operator] = plugins.load_operator(ref)
    with spec_errors(cls.Config, f"validate[{index}]"):
        config = cls.Config.model_validate(part.config)
    return Rule(ref=ref, config=config.model_dump(mode="json"), operator=cls(config))
