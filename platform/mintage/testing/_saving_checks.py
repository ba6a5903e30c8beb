"""A model is what it saves: no pickle, equal bytes, and nothing foreign is taken for one."""

from __future__ import annotations

import base64
import binascii
import io
import json
import pickletools
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import safetensors

from mintage.errors import FitError
from mintage.testing._canary import PICKLE, sang
from mintage.testing._drawing import draw
from mintage.testing.errors import ConformanceError, require
from mintage.testing.generator_case import GeneratorCase

_PICKLE_PROTOCOLS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
_ZIP = b"PK\x03\x04"
_DEEP_JSON = b"[" * 200_000


def saves_without_pickle(case: GeneratorCase) -> None:
    """Every file is JSON or safetensors, by content and by name, and hides no pickle or archive inside."""
    check = "saves_without_pickle"
    files = case.model.save()
    require(bool(files), check, "the model saves no files")
    for name, data in files.items():
        path = PurePosixPath(name)
        safe = not path.is_absolute() and ".." not in path.parts and str(path) == name and "\\" not in name
        require(safe, check, f"{name!r} is no plain relative path")
        payloads = _payloads(name, data)
        hidden = [payload[:20] for payload in payloads if _executes(payload)]
        require(not hidden, check, f"{name!r} holds a pickle or an archive: {hidden[:1]}")


def survives_saving(case: GeneratorCase) -> None:
    """A loaded model saves the same bytes, makes the same rows, and states the same facts, which are JSON."""
    check = "survives_saving"
    files = case.model.save()
    model = case.generator.load(dict(files))
    _require_same_files(check, files, model.save(), "saved, loaded and saved again")
    request = case.request(shard=4)
    case.require_same(
        check, draw(case.model, request), draw(model, request), "before saving, then after loading"
    )
    require(
        model.schema == case.model.schema, check, f"schema {case.model.schema}, after loading {model.schema}"
    )
    try:
        json.dumps(case.model.fit_record, allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise ConformanceError(check, f"the fit record is not JSON: {exc}") from exc
    require(
        model.fit_record == case.model.fit_record,
        check,
        f"the fit record, signed on resume too, was {case.model.fit_record}, then {model.fit_record}",
    )


def refuses_foreign_files(case: GeneratorCase) -> None:
    """Files that `save` did not write are refused with `FitError`, and no pickle in them is executed."""
    check = "refuses_foreign_files"
    sang()
    for what, files in _forgeries(case.model.save()):
        try:
            case.generator.load(files)
        except FitError:
            continue
        except Exception as exc:
            raise ConformanceError(check, f"{what}: {type(exc).__name__} instead of FitError: {exc}") from exc
        finally:
            require(not sang(), check, f"{what}: loading executed a pickle")
        raise ConformanceError(check, f"{what}: loaded as if nothing were wrong")


def refits_the_same(case: GeneratorCase) -> None:
    """Fitting again with the same source, config and seed gives a model that saves the same bytes."""
    if case.refit:
        _require_same_files("refits_the_same", case.model.save(), case.fit().save(), "fitted twice")


def _require_same_files(
    check: str, first: Mapping[str, bytes], second: Mapping[str, bytes], when: str
) -> None:
    require(first.keys() == second.keys(), check, f"{when}: files {sorted(first)}, then {sorted(second)}")
    changed = [name for name, data in first.items() if second[name] != data]
    require(not changed, check, f"{when}: other bytes in {changed}")


def _payloads(name: str, data: bytes) -> list[bytes]:
    try:
        if name.endswith(".safetensors"):
            return [bytes(tensor["data"]) for _, tensor in safetensors.deserialize(data)]  # type: ignore[no-untyped-call]  # no annotations there
        if name.endswith(".json"):
            return [payload for text in _texts(json.loads(data)) for payload in _decoded(text)]
    except (safetensors.SafetensorError, ValueError) as exc:
        raise ConformanceError("saves_without_pickle", f"{name!r} is not what its name says: {exc}") from exc
    raise ConformanceError("saves_without_pickle", f"{name!r} is neither .json nor .safetensors")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _decoded(text: str) -> Iterator[bytes]:
    for decode in (bytes.fromhex, lambda encoded: base64.b64decode(encoded, validate=True)):
        try:
            yield decode(text)
        except (ValueError, binascii.Error):
            continue
    yield text.encode("latin-1", errors="replace")


def _executes(payload: bytes) -> bool:
    if payload.startswith(_ZIP):
        return True
    if not payload.startswith(_PICKLE_PROTOCOLS):
        return False
    try:
        return any(opcode.name == "STOP" for opcode, _, _ in pickletools.genops(io.BytesIO(payload)))
    except ValueError:
        return False


def _forgeries(files: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, bytes]]]:
    yield "no files", {}
    yield "a foreign file alone", {"notes.txt": b"hello"}
    for name, data in files.items():
        yield f"without {name!r}", {other: kept for other, kept in files.items() if other != name}
        contents = {
            "empty": b"",
            "random bytes": bytes(range(256)),
            "a pickle": PICKLE,
            "cut in half": data[: len(data) // 2],
            "an empty JSON object": b"{}",
            "a JSON null": b"null",
            "a JSON list": b"[1, 2]",
            "JSON nested too deep": _DEEP_JSON,
            "a number too large": b'{"a": 1e999999, "rows": ' + b"9" * 5000 + b"}",
        }
        for what, content in contents.items():
            yield f"{name!r} with {what}", {**files, name: content}
