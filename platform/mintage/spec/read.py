"""Reading a spec, from wherever it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from mintage.errors import SpecError
from mintage.spec._json import parse_json
from mintage.spec._overrides import apply_overrides
from mintage.spec._problems import shown
from mintage.spec._yaml import MAX_BYTES, parse_yaml
from mintage.spec.job import JobSpec
from mintage.spec.source import IN_MEMORY


def read_spec(
    spec: JobSpec | Mapping[str, object] | Path | str,
    *,
    overrides: Iterable[str] = (),
    in_memory: bool = False,
) -> JobSpec:
    """The job spec that a mapping, a file or a text describes.

    A text of several lines, or one that starts with `{`, is the spec itself (JSON in the latter
    case, else YAML); any other text, and a `Path`, names a file: JSON when it ends with `.json`,
    else YAML. `overrides` are `path=value` texts, applied before anything is validated. With
    `in_memory`, the table is handed over in Python, so a spec without source is given the source
    `{kind: frame}`.

    >>> read_spec({"name": "demo", "rows": 5, "generator": {"kind": "rules"}, "sink": {"uri": "out"}}).rows
    5

    Raises `SpecError` that lists every problem, or says where the text cannot be read.
    """
    if isinstance(spec, Path) or (isinstance(spec, str) and not _is_text(spec)):
        path = Path(spec)
        try:
            return read_spec(_parse_file(path), overrides=overrides, in_memory=in_memory)
        except SpecError as exc:
            raise SpecError(f"{path}: {exc.message}", exc.hint) from exc
    values = _mapping(_parse_text(spec) if isinstance(spec, str) else spec)
    if in_memory and values.get("source") is None:
        values = {**values, "source": {"kind": IN_MEMORY}}
    return JobSpec.model_validate(apply_overrides(values, overrides))


def read_values(path: Path, what: str) -> object:
    """The plain values in a JSON file (by its suffix) or a YAML file of at most a mebibyte.

    `what` is what the file is, for messages. Raises `SpecError` for a file that cannot be read, is too
    large, nested too deeply or ambiguous.
    """
    try:
        text = _read_text(path)
        return parse_json(text) if path.suffix.lower() == ".json" else parse_yaml(text)
    except SpecError as exc:
        message, hint = (
            exc.message.replace("the spec", f"the {what}"),
            exc.hint.replace("a spec", f"a {what}"),
        )
        if isinstance(exc.__cause__, FileNotFoundError):
            message, hint = f"there is no such {what} file", "name a YAML or JSON file"
        raise SpecError(f"{path}: {message}", hint) from exc


def json_schema() -> dict[str, object]:
    """The JSON Schema (draft 2020-12) of a job spec, for editors and other languages."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **JobSpec.model_json_schema(by_alias=True, mode="validation"),
    }


def _is_text(spec: str) -> bool:
    return "\n" in spec or spec.lstrip().startswith("{")


def _parse_text(text: str) -> object:
    return parse_json(text) if text.lstrip().startswith("{") else parse_yaml(text)


def _parse_file(path: Path) -> Mapping[str, object]:
    text = _read_text(path)
    return _mapping(parse_json(text) if path.suffix.lower() == ".json" else parse_yaml(text))


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as exc:
        raise SpecError("there is no such spec file", "`mintage init SOURCE` writes one") from exc
    except (OSError, ValueError) as exc:
        raise SpecError(
            f"the spec file cannot be read: {exc}", "name a YAML or JSON file that you may read"
        ) from exc
    if len(data) > MAX_BYTES:
        raise SpecError(f"the spec has more than {MAX_BYTES} bytes", "a spec names data, it holds none")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise SpecError(
            f"the spec is not UTF-8 text: byte {exc.start} is {data[exc.start]:#04x}", "save it as UTF-8"
        ) from exc


def _mapping(value: object) -> Mapping[str, object]:
    if isinstance(value, JobSpec):
        return value.to_json()
    if isinstance(value, Mapping):
        return value
    what = "is empty" if value is None else f"must be a mapping of keys, got {shown(value)}"
    raise SpecError(f"the spec {what}", "it needs at least name, rows, source and sink")
