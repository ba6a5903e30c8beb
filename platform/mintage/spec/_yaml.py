"""YAML as a spec needs it: no aliases, anchors or tags, no surprises in plain words, bounded in size.

Plain scalars follow JSON rather than YAML 1.1: `NO`, `on`, `12:30`, `0o17`, `007`, `1_000` and
`2024-01-31` are text; `true`, `null`, `12`, `-1.5e3`, `.inf` are what they look like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

import yaml

from mintage.errors import SpecError
from mintage.spec._base import MAX_DEPTH

MAX_BYTES = 2**20
_MAX_DIGITS = 100

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + word: float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}

# Other readers of YAML take these for booleans, a merge key and a default value.
_QUOTED = {"<<", "="} | {
    form for word in ("y", "n", "yes", "no", "on", "off") for form in (word, word.title(), word.upper())
}

# libyaml's parser is twenty times faster, where PyYAML was built with it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> object:
    """The one document of a YAML text. Raises `SpecError` with line and column."""
    check_size(text)
    try:
        events = iter(yaml.parse(text, Loader=_Loader))
        return _Builder(events).document()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        what = ", ".join(part for part in (exc.context, exc.problem) if part)
        raise _error(
            f"is not valid YAML: {what}", mark, "check indentation, colons and quotes there"
        ) from exc
    except yaml.reader.ReaderError as exc:
        before = text[: exc.position]
        place = f"line {before.count(chr(10)) + 1}, column {exc.position - before.rfind(chr(10))}"
        raise SpecError(f"{place}: is not valid YAML: {exc.reason}", "remove the control character") from exc


def dump_yaml(value: object, *, in_one_line: bool = False) -> str:
    """A JSON value as YAML that `parse_yaml` reads back as the same value.

    >>> dump_yaml({"carriers": ["UA", "no", "1e3", "ON"]}, in_one_line=True)
    '{carriers: [UA, "no", "1e3", "ON"]}'
    """
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=2 * MAX_BYTES,
        default_flow_style=in_one_line,
    )
    return text.removesuffix("\n") if in_one_line else text


def plain_scalar(text: str) -> object:
    """What an unquoted word means.

    >>> [plain_scalar(word) for word in ("12", "1e3", "true", "no", "012", "")]
    [12, 1000.0, True, 'no', '012', None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= _MAX_DIGITS and _INTEGER.fullmatch(text):
        return int(text)
    if len(text) <= _MAX_DIGITS and _FLOAT.fullmatch(text):
        return float(text)
    return text


def check_size(text: str) -> None:
    """Refuse a text that is too large to be a spec, before anything reads it."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", errors="surrogatepass"))
    if size > MAX_BYTES:
        raise SpecError(
            f"the spec has {size} bytes, at most {MAX_BYTES} are read", "a spec names data, it holds none"
        )


class _Mark(Protocol):
    """A place in a text, counted from 0."""

    line: int
    column: int


class _Builder:
    """Builds plain values from parser events, so that each check sees its line."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events

    def document(self) -> object:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._node(next(self._events), 1)
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _error(
                "a second document starts", after.start_mark, "a spec is one document: remove the ---"
            )
        return value

    def _node(self, event: yaml.Event, depth: int) -> object:
        _check_event(event, depth)
        if isinstance(event, yaml.ScalarEvent):
            # `implicit[0]` is false for quoted and block scalars: those are always text.
            return plain_scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
        return self._mapping(depth)

    def _mapping(self, depth: int) -> dict[object, object]:
        values: dict[object, object] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if isinstance(key, list | dict):
                raise _error("a key is a list or a mapping", event.start_mark, "keys are plain words")
            if key == "<<" and getattr(event, "implicit", (False,))[0]:
                raise _error("merge keys (<<) are not supported", event.start_mark, "write the keys out")
            if key in values:
                raise _error(f"the key {key!r} is there twice", event.start_mark, "remove one of the two")
            values[key] = self._node(next(self._events), depth + 1)
        return values

    def _until(self, end: type) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event


def _check_event(event: yaml.Event, depth: int) -> None:
    mark, anchor, tag = event.start_mark, getattr(event, "anchor", None), getattr(event, "tag", None)
    if isinstance(event, yaml.AliasEvent):
        raise _error(f"the alias *{anchor} is not supported", mark, "write the value out")
    if anchor is not None:
        raise _error(f"the anchor &{anchor} is not supported", mark, "write the value out where it is used")
    if tag is not None:
        raise _error(f"the tag {tag} is not supported", mark, "write the plain value; quotes make text")
    if depth > MAX_DEPTH:
        raise _error(f"is nested deeper than {MAX_DEPTH} levels", mark, "make it flatter")


def _error(what: str, mark: _Mark | None, hint: str) -> SpecError:
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return SpecError(f"{place}{what}", hint)


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, and quotes each text that would be read as something else."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # PyYAML's interface
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Quote what `plain_scalar` takes for another value, and what YAML would fold."""
        plain = plain_scalar(text) == text and text.isprintable() and text not in _QUOTED
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _Dumper.represent_text)
