"""`tabular.auto`: tries candidates for a while, takes the one whose rows pass best for fresh real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa
from pydantic import JsonValue, ValidationError

from mintage.contracts import (
    Choice,
    DatasetSchema,
    Determinism,
    FitContext,
    Generator,
    ImputeRequest,
    Model,
    SampleRequest,
    Scalar,
    Source,
    TableBatch,
)
from mintage.errors import FitError, SourceError
from mintage_generators.tabular.auto.candidates import KINDS, Limits, generator_class, make_generator
from mintage_generators.tabular.auto.clock import Clock
from mintage_generators.tabular.auto.config import DEFAULT_CANDIDATES, AutoConfig
from mintage_generators.tabular.auto.contest import Contest, attempt, relay
from mintage_generators.tabular.auto.resuming import (
    DECISION,
    MAX_DECISION_BYTES,
    Chosen,
    DecidedCheckpoints,
    earlier_choice,
)
from mintage_generators.tabular.codec import Document, damaged, foresee_table


class AutoDocument(Document):
    """Which generator was chosen, and what the fit record tells of the choice."""

    kind: str
    record: dict[str, JsonValue]

    def to_bytes(self) -> bytes:
        """Equal documents, equal bytes."""
        dumped = self.model_dump(mode="json")
        return json.dumps(dumped, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> AutoDocument:
        """What `to_bytes` wrote; raises `FitError` for anything else."""
        if len(data) > MAX_DECISION_BYTES:
            raise damaged(f"{DECISION} has {len(data)} bytes, more than {MAX_DECISION_BYTES}")
        try:
            document = cls.model_validate_json(data)
        except ValidationError as exc:
            raise damaged(str(exc).splitlines()[0][:200]) from exc
        if document.kind not in KINDS:
            raise damaged(f"{document.kind[:100]!r} is no generator that can be chosen")
        return document


@dataclass(frozen=True, slots=True)
class AutoModel(Model):
    """The chosen generator's model, and why it was chosen."""

    chosen: Model
    document: AutoDocument

    @property
    def determinism(self) -> Determinism:  # type: ignore[override]  # a class has one, a choice its model's
        """What the chosen model claims."""
        return self.chosen.determinism

    @property
    def batch_rows(self) -> int:  # type: ignore[override]  # as above
        """What the chosen model asks for."""
        return self.chosen.batch_rows

    @property
    def schema(self) -> DatasetSchema:
        """The chosen model's."""
        return self.chosen.schema

    @property
    def fit_record(self) -> dict[str, object]:
        """The chosen model's record; under `choice`, who was tried, with which figures, and the reason."""
        return {**self.chosen.fit_record, "choice": {"kind": self.document.kind, **self.document.record}}

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` for what the chosen model cannot meet."""
        self.chosen.check(fixed, excluded)

    def check_within(
        self,
        fixed: Mapping[str, Scalar],
        excluded: Mapping[str, tuple[Scalar, ...]],
        within: Mapping[str, Choice],
    ) -> None:
        """Raise `ConditionError` for sets and ranges that the chosen model cannot meet."""
        self.chosen.check_within(fixed, excluded, within)

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """The chosen model's rows."""
        return self.chosen.sample(request)

    def impute(self, batch: pa.RecordBatch, request: ImputeRequest) -> pa.RecordBatch:
        """As the chosen model fills cells; raises what it raises."""
        return self.chosen.impute(batch, request)

    def save(self) -> dict[str, bytes]:
        """The chosen model's files, and the decision."""
        return {**self.chosen.save(), DECISION: self.document.to_bytes()}


class AutoGenerator(Generator):
    """Chooses among tabular generators by held-out rows, then learns from all rows."""

    Config = AutoConfig
    config: AutoConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """What the first candidate foresees: all have one codec and emit the same table."""
        first = make_generator(self.config.candidates[0], self.config.shared(), Limits())
        return first.foresee(source)

    def fit(self, source: Source | None, context: FitContext) -> AutoModel:
        """Trials of all candidates, then a full fit of the best that can be fitted.

        Raises `FitError` that names each candidate and its reason when none can.
        """
        if source is None:
            raise SourceError("tabular.auto learns from a source, and there is none", "name one")
        foresee_table(source, self.config)  # refuses at once what no candidate could carry
        failures: dict[int, str] = {}
        for chosen in self._choices(source, context, failures):
            candidate = self.config.candidates[chosen.place]
            model = attempt(partial(self._fit_in_full, chosen, source, context))
            if not isinstance(model, str):
                return AutoModel(model, AutoDocument(kind=candidate.kind, record=chosen.record))
            failures[chosen.place] = model
        raise self._none_fitted(failures)

    def _choices(self, source: Source, context: FitContext, failures: Mapping[int, str]) -> Iterator[Chosen]:
        """What to fit, and while that fails, what to fit instead; an earlier choice comes first."""
        count = len(self.config.candidates)
        if (earlier := earlier_choice(context.checkpoints, count)) is not None:
            yield earlier
            rest = [place for place in range(count) if place != earlier.place]
            for place in rest:
                yield earlier.model_copy(
                    update={"place": place, "record": {**earlier.record, **self._failed(failures)}}
                )
            return
        clock = Clock(seconds=self.config.max_seconds, context=context)
        decision = Contest(config=self.config, context=context, clock=clock).decide(source)
        for place in decision.choice.order:
            left = clock.left()
            yield Chosen(
                place=place,
                seconds=None if left is None else left - decision.overhead,
                record={**decision.to_json(), **self._failed(failures)},
            )

    def _fit_in_full(self, chosen: Chosen, source: Source, context: FitContext) -> Model:
        candidate = self.config.candidates[chosen.place]
        checkpoints = DecidedCheckpoints(context.checkpoints, chosen)
        if checkpoints.every_seconds is not None and checkpoints.load() is None:
            checkpoints.save({})
        limits = Limits(seconds=chosen.seconds, steps=self.config.max_steps)
        generator = make_generator(candidate, self.config.shared(), limits)
        own = replace(context, report=relay(context, candidate.kind), checkpoints=checkpoints)
        return generator.fit(source, own)

    def _failed(self, failures: Mapping[int, str]) -> dict[str, JsonValue]:
        """What the fit record tells of candidates that could not be fitted in full."""
        told: dict[str, JsonValue] = {
            self.config.candidates[place].describe(): why for place, why in failures.items()
        }
        return {"failed": told} if told else {}

    def _none_fitted(self, failures: Mapping[int, str]) -> FitError:
        each = "; ".join(f"{self.config.candidates[i].describe()}: {why}" for i, why in failures.items())
        return FitError(
            f"none of the {len(failures)} candidates could be fitted: {each}",
            "change the source or the options as the reasons say, or name other candidates",
        )

    @classmethod
    def warm_up(cls) -> None:
        """Load what the default candidates need."""
        for candidate in DEFAULT_CANDIDATES:
            generator_class(candidate.kind).warm_up()

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> AutoModel:
        """The chosen generator's model from its files and the decision."""
        if DECISION not in files:
            raise damaged(f"it has the files {sorted(files)[:10]}, and {DECISION} is not among them")
        document = AutoDocument.from_bytes(files[DECISION])
        own = {name: data for name, data in files.items() if name != DECISION}
        return AutoModel(generator_class(document.kind).load(own), document)
