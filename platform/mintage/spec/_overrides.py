"""`path=value` texts, applied to a spec that is not validated yet."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mintage.errors import SpecError
from mintage.spec._problems import shown
from mintage.spec._secrets import HOW, find_secrets
from mintage.spec._yaml import parse_yaml, plain_scalar

_PATH = re.compile(r"[^.\[\]=]+(\[\d{1,9}\])*(\.[^.\[\]=]+(\[\d{1,9}\])*)*")
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
_FORM = "write path=value, such as rows=1000, sink.uri=out or validate[0].action=tag"


def apply_overrides(values: Mapping[str, object], overrides: Iterable[str]) -> dict[str, object]:
    """A copy of `values` with each override set, in order. Raises `SpecError` for one that has no place.

    A value that starts with `{`, `[` or a quote is read as YAML, any other as one plain word;
    nothing after the `=` means null.

    >>> apply_overrides({"sink": {"uri": "a"}}, ["sink.uri=s3://b/*", "rows=5", "resources={workers: 2}"])
    {'sink': {'uri': 's3://b/*'}, 'rows': 5, 'resources': {'workers': 2}}
    """
    changed: dict[str, object] = copy.deepcopy(dict(values))
    for override in overrides:
        path, separator, text = override.partition("=")
        path = path.strip()
        if not separator or not _PATH.fullmatch(path):
            raise SpecError(f"the override {shown(override)} has no path=value form", _FORM)
        _set(changed, path, _value(text.strip(), path))
    return changed


def read_options(options: Iterable[str]) -> dict[str, object]:
    """Options of a store from `name=value` texts. Raises `SpecError`, also for credentials.

    >>> read_options(["endpoint_url=http://localhost:9000", "anon=true"])
    {'endpoint_url': 'http://localhost:9000', 'anon': True}
    """
    values = apply_overrides({}, options)
    if secret := next(find_secrets(values), None):
        raise SpecError(f"{secret}: looks like a credential", HOW)
    return values


def _value(text: str, path: str) -> object:
    if not text.startswith(("{", "[", '"', "'")):
        return plain_scalar(text)
    try:
        return parse_yaml(text)
    except SpecError as exc:
        raise SpecError(f"the override of {path}: {exc.message}", exc.hint) from exc


def _set(values: dict[str, object], path: str, value: object) -> None:
    steps = [int(step[1:-1]) if step.startswith("[") else step for step in _STEP.findall(path)]
    place: Any = values
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        _check_step(place, step, path)
        if following is None:
            place[step] = value
            return
        if isinstance(step, str) and place.get(step) is None:
            place[step] = {}
        place = place[step]


def _check_step(place: object, step: int | str, path: str) -> None:
    if isinstance(step, str) and not isinstance(place, dict):
        raise SpecError(f"the override of {path}: there is no mapping that could hold {step!r}", _FORM)
    if isinstance(step, int) and not (isinstance(place, list) and step < len(place)):
        entries = len(place) if isinstance(place, list) else 0
        raise SpecError(f"the override of {path}: there is no entry [{step}], the spec has {entries}", _FORM)
