"""What is wrong with a spec, as people read it: `path: what, value received`, and what to do."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from mintage.errors import SpecError
from mintage.spec._secrets import is_secret_name, is_secret_value

_MAX_PROBLEMS = 20
_MAX_SHOWN = 80
_CUSTOM = "mintage"
_ABSENT = object()

_WHAT: dict[str, str] = {
    "missing": "is missing",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_unicode": "must be text that UTF-8 can carry",
    "finite_number": "must be a finite number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "is not written as it must be",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "invalid_key": "keys must be text",
} | {
    **dict.fromkeys(
        ("int_type", "int_from_float", "int_parsing", "int_parsing_size"), "must be a whole number"
    ),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "model_type", "model_attributes_type"), "must be a mapping of keys"
    ),
    **dict.fromkeys(("list_type", "tuple_type", "set_type"), "must be a list"),
}


def problem(what: str, *, path: str = "", value: object = _ABSENT, todo: str = "") -> PydanticCustomError:
    """An error for a validator to raise; `path` is below the field or model that is validated."""
    context = {"what": what, "path": path, "todo": todo} | ({} if value is _ABSENT else {"value": value})
    return PydanticCustomError(_CUSTOM, "{what}", context)


@contextmanager
def spec_errors(model: type[BaseModel], path: str = "") -> Iterator[None]:
    """Turn the `ValidationError` of `model`, found at `path` of the spec, into one `SpecError`."""
    try:
        yield
    except ValidationError as exc:
        raise _spec_error([_describe(error, model, path) for error in exc.errors()]) from exc


def nearest(word: str, known: Iterable[str]) -> str:
    """What to do about a word that is not known: the nearest known one, or all of them."""
    names = list(known)
    if close := difflib.get_close_matches(word, names, n=1, cutoff=0.6):
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(sorted(names))}"


def shown(value: object, name: str = "") -> str:
    """A value in short, for a message: collections by their size, secrets never."""
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)} keys"
    if isinstance(value, list | tuple | set | frozenset):
        return f"a list of {len(value)} entries"
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a number of about {int(value.bit_length() * 0.30103)} digits"
    if is_secret_name(name) or (isinstance(value, str) and is_secret_value(value)):
        return "(not shown, it may be a secret)"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    text = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    kind = {"str": "text", "float": "a float"}.get(type(value).__name__, type(value).__name__)
    return text if type(value) is int else f"{text} ({kind})"


def _spec_error(problems: Sequence[tuple[str, str]]) -> SpecError:
    if len(problems) == 1:
        return SpecError(*problems[0])
    lines = [f"  {what}{f': {todo}' if todo else ''}" for what, todo in problems[:_MAX_PROBLEMS]]
    if more := len(problems) - len(lines):
        lines.append(f"  and {more} more")
    return SpecError(f"the spec has {len(problems)} problems:\n" + "\n".join(lines))


def _describe(error: ErrorDetails, model: type[BaseModel], prefix: str) -> tuple[str, str]:
    """The problem and what to do about it."""
    location, context = error["loc"], error.get("ctx", {})
    owner, field = _place(model, location)
    name = str(location[-1]) if location else ""
    path = _dotted(prefix, (step for step in location if not _is_tag(step)))
    if error["type"] == _CUSTOM:
        path = _dotted(path, (context["path"],)) if context["path"] else path
        got = f", got {shown(context['value'], name)}" if "value" in context else ""
        return f"{path or 'spec'}: {context['what']}{got}", context["todo"]
    if error["type"] == "extra_forbidden":
        return f"{path}: is not a known key", _nearest_key(name, owner)
    if name == "[key]" and error["type"] != "string_pattern_mismatch":
        return f"{path}: keys must be text, got {shown(error['input'])}", "put the key in quotes"
    got = "" if error["type"] == "missing" else f", got {shown(error['input'], name)}"
    return f"{path or 'spec'}: {_what(error)}{got}", _todo(error, field)


def _what(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if template := _WHAT.get(error["type"]):
        return template.format(**{key: _number(value) for key, value in context.items()})
    if error["type"] in {"value_error", "assertion_error"}:
        return str(context["error"])
    return error["msg"][:1].lower() + error["msg"][1:]


def _todo(error: ErrorDetails, field: FieldInfo | None) -> str:
    """What to do about a value of the wrong type or out of range."""
    value, about = error["input"], (field.description or "") if field else ""
    choices = [
        word.strip("' ")
        for word in str(error.get("ctx", {}).get("expected", "")).replace(" or ", ",").split(",")
    ]
    if error["type"] in {"enum", "literal_error"} and isinstance(value, str):
        return nearest(value, choices)
    if error["type"] == "string_type" and isinstance(value, bool | int | float):
        return f"put it in quotes. {about}".strip()
    if error["type"].startswith("int_") and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}. {about}".strip()
    if error["type"].startswith(("int_", "float_", "bool_")) and isinstance(value, str):
        return f"write it as a plain value, without quotes, words or underscores. {about}".strip()
    return about


def _number(value: object) -> object:
    """Round powers of ten and two as people write them."""
    powers = {2**64 - 1: "2^64 - 1"} | {10**exponent: f"10^{exponent}" for exponent in range(6, 19)}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return powers.get(value, value) if isinstance(value, int) else value


def _is_tag(step: int | str) -> bool:
    """Whether a step of a location only says which kind of value was meant, as in `Tag("kind: range")`."""
    return isinstance(step, str) and step.startswith("kind: ")


def _dotted(prefix: str, location: Iterable[int | str]) -> str:
    path = prefix
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step != "[key]":
            path += f".{step}" if path and not step.startswith("[") else step
    return path


def _nearest_key(name: str, model: type[BaseModel] | None) -> str:
    keys = sorted(field.alias or key for key, field in model.model_fields.items()) if model else []
    close = difflib.get_close_matches(name, keys, n=1, cutoff=0.6)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}known keys: {', '.join(keys)}"


def _place(
    model: type[BaseModel], location: Sequence[int | str]
) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that owns the last step of a location, and the last field on the way to it."""
    current: object = model
    owner: type[BaseModel] | None = model
    field: FieldInfo | None = None
    for step in location:
        if _is_tag(step):
            current = _tagged(current, step)
            continue
        current = _plain(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            owner = current
            field = next((f for name, f in current.model_fields.items() if (f.alias or name) == step), None)
            current = field.annotation if field else None
        else:
            owner = None
            values = [argument for argument in get_args(current) if argument is not Ellipsis]
            current = values[-1] if values else None
    return owner, field


def _tagged(annotation: object, tag: int | str) -> object:
    """The part of a union that has the tag."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    parts = (part for part in get_args(annotation) if Tag(str(tag)) in getattr(part, "__metadata__", ()))
    return next(parts, None)


def _plain(annotation: object) -> object:
    """The annotation without `Annotated` and `None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in {Union, types.UnionType}:
            annotation = next(part for part in get_args(annotation) if part is not type(None))
        else:
            return annotation
