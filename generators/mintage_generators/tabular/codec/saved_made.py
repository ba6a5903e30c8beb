"""Columns of made values, and whose they are, as JSON and arrays, and back with every size checked."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from mintage.contracts import ColumnSchema
from mintage_generators.tabular.codec.fakes import WITH_LEVELS, WITH_PATTERN, WITH_PEOPLE, FakeColumn
from mintage_generators.tabular.codec.files import Arrays, Document, damaged
from mintage_generators.tabular.codec.keys import KeyColumn
from mintage_generators.tabular.codec.made import NULL, PRESENT, MadeColumn
from mintage_generators.tabular.codec.pattern import ALPHABETS, MAX_LENGTH, Pattern
from mintage_generators.tabular.codec.people import People
from mintage_generators.tabular.codec.personal import PersonalKind, can_be
from mintage_generators.tabular.codec.physical import is_text
from mintage_generators.tabular.codec.subjects import Subject

_MAX_NAMES = 100_000
_MAX_START = 2**512


class PatternDocument(Document):
    """A `Pattern`; numbers are text, since JSON readers round them."""

    text: str
    places: str
    start: str
    block: str


class MadeDocument(Document):
    """What a column of made values keeps beside its counts."""

    kinds: tuple[Literal["null", "present"], ...]
    subject: int = -1
    personal: str | None = None
    pattern: PatternDocument | None = None
    start: str = "0"
    mark: str = ""
    levels: tuple[str, ...] | None = None


class SubjectDocument(Document):
    """A `Subject` but for its arrays."""

    leader: int
    same: float


class PeopleDocument(Document):
    """The names of `People`."""

    first: tuple[str, ...]
    last: tuple[str, ...]


def write_made(column: MadeColumn) -> MadeDocument:
    """What is kept of a column."""
    kinds = tuple(NULL if kind == NULL else PRESENT for kind in column.kinds)
    if isinstance(column, KeyColumn):
        return MadeDocument.model_validate(
            {"kinds": kinds, "pattern": _write_pattern(column.pattern), "start": str(column.start)}
        )
    assert isinstance(column, FakeColumn)
    levels = None if column.levels is None else tuple(column.levels.to_pylist())
    return MadeDocument.model_validate(
        {
            "kinds": kinds,
            "subject": column.subject,
            "personal": column.kind.value,
            "pattern": _write_pattern(column.pattern),
            "mark": column.mark,
            "levels": levels,
        }
    )


def read_made(
    schema: ColumnSchema,
    document: MadeDocument,
    counts: np.ndarray,
    people: People | None,
    subjects: int,
) -> MadeColumn:
    """The column that `write_made` took apart; raises `FitError` when the parts do not fit."""
    name, type_ = schema.name, schema.type
    if len(set(document.kinds)) != len(document.kinds) or len(document.kinds) != len(counts):
        raise damaged(f"column {name!r} has {len(counts)} counts for the tokens {document.kinds}")
    pattern = _read_pattern(name, document.pattern)
    if document.personal is None:
        return _read_key(schema, document, counts, pattern)
    if document.personal not in list(PersonalKind) or not can_be(PersonalKind(document.personal), type_):
        raise damaged(f"column {name!r} of type {type_} cannot hold {document.personal!r}")
    if not 0 <= document.subject < subjects:
        raise damaged(f"column {name!r} belongs to subject {document.subject} of {subjects}")
    kind = PersonalKind(document.personal)
    needed = (kind in WITH_PEOPLE, kind in WITH_LEVELS, kind in WITH_PATTERN)
    if needed != (kind in WITH_PEOPLE and people is not None, bool(document.levels), pattern is not None):
        raise damaged(f"column {name!r} lacks what its values are made of")
    return FakeColumn(
        name=name,
        type=type_,
        counts=counts,
        kinds=document.kinds,
        subject=document.subject,
        kind=kind,
        people=people if kind in WITH_PEOPLE else None,
        levels=pa.array(document.levels, pa.string()) if document.levels else None,
        pattern=pattern,
        mark=document.mark,
    )


def write_subjects(
    subjects: tuple[Subject, ...], arrays: dict[str, np.ndarray]
) -> tuple[SubjectDocument, ...]:
    """What is kept of the subjects; their lengths and weights are put into `arrays`."""
    for i, subject in enumerate(subjects):
        arrays[f"subject.{i}.lengths"], arrays[f"subject.{i}.weights"] = subject.lengths, subject.weights
    return tuple(SubjectDocument(leader=subject.leader, same=subject.same) for subject in subjects)


def read_subjects(documents: tuple[SubjectDocument, ...], arrays: Arrays) -> tuple[Subject, ...]:
    """The subjects; raises `FitError` for lengths that cannot be."""
    subjects = []
    for i, document in enumerate(documents):
        lengths = arrays.get(f"subject.{i}.lengths", np.int64, (None,))
        weights = arrays.get(f"subject.{i}.weights", np.int64, (len(lengths),))
        ascending = len(lengths) and lengths[0] >= 1 and (np.diff(lengths) > 0).all()
        if not ascending or lengths[-1] > 2**40 or weights.min() < 1 or weights.max() > 2**40:
            raise damaged(f"subject {i} has no rows for its identities")
        if not (-1 <= document.leader < i and 0.0 <= document.same <= 1.0):
            raise damaged(f"subject {i} follows subject {document.leader}")
        subjects.append(Subject(lengths=lengths, weights=weights, leader=document.leader, same=document.same))
    return tuple(subjects)


def write_people(people: People | None, arrays: dict[str, np.ndarray]) -> PeopleDocument | None:
    """What is kept of people; their pairs of names are put into `arrays`."""
    if people is None:
        return None
    arrays["people.pairs"] = people.pairs
    return PeopleDocument(first=people.first, last=people.last)


def read_people(document: PeopleDocument | None, arrays: Arrays) -> People | None:
    """The people; raises `FitError` for names that are not there."""
    if document is None:
        return None
    pairs = arrays.get("people.pairs", np.int32, (None, 2))
    sizes = np.array([len(document.first), len(document.last)])
    if not len(pairs) or sizes.max() > _MAX_NAMES or pairs.min() < 0 or (pairs.max(axis=0) >= sizes).any():
        raise damaged("its people have names that are not there")
    return People(first=document.first, last=document.last, pairs=pairs)


def _read_key(
    schema: ColumnSchema, document: MadeDocument, counts: np.ndarray, pattern: Pattern | None
) -> KeyColumn:
    start = _number(schema.name, document.start)
    if not (is_text(schema.type) or pa.types.is_int64(schema.type) or pa.types.is_uint64(schema.type)):
        raise damaged(f"column {schema.name!r} of type {schema.type} holds no keys")
    if start >= 2**63 or document.subject != -1:
        raise damaged(f"the keys of column {schema.name!r} start at {start}")
    return KeyColumn(
        name=schema.name,
        type=schema.type,
        counts=counts,
        kinds=document.kinds,
        subject=-1,
        pattern=pattern,
        start=start,
    )


def _write_pattern(pattern: Pattern | None) -> PatternDocument | None:
    if pattern is None:
        return None
    return PatternDocument(
        text=pattern.text, places=pattern.places, start=str(pattern.start), block=str(pattern.block)
    )


def _read_pattern(name: str, document: PatternDocument | None) -> Pattern | None:
    if document is None:
        return None
    start, block = _number(name, document.start), _number(name, document.block)
    fits = (
        0 < len(document.text) == len(document.places) <= MAX_LENGTH
        and document.text.isascii()
        and set(document.places) <= {*ALPHABETS, "="}
        and set(document.places) != {"="}
    )
    if not fits or start >= _MAX_START or block > 2**62:
        raise damaged(f"column {name!r} has a pattern that cannot be read")
    return Pattern(text=document.text, places=document.places, start=start, block=block)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 200):
        raise damaged(f"column {name!r} has a number that cannot be read")
    return int(text)
