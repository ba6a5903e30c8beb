"""What holds for the config class of every kind of plugin."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from mintage.testing.errors import ConformanceError, require

CHECK = "declares_its_config"


def check_config(owner: type, declared: type[BaseModel], base: type[BaseModel], config: BaseModel) -> None:
    """Fail unless `declared` is a frozen, closed, described `base` that survives JSON."""
    require(issubclass(declared, base), CHECK, f"{owner.__name__}.Config is no subclass of {base.__name__}")
    require(
        isinstance(config, declared),
        CHECK,
        f"the config given is a {type(config).__name__}, not {owner.__name__}.Config",
    )
    require(bool(declared.model_config.get("frozen")), CHECK, f"{declared.__name__} is not frozen")
    silent = [name for name, field in declared.model_fields.items() if not field.description]
    require(not silent, CHECK, f"fields without a description: {silent}")
    _refuse_unknown_keys(declared, config)
    again = declared.model_validate_json(config.model_dump_json())
    require(again == config, CHECK, f"the config does not survive JSON: {config!r} became {again!r}")
    declared.model_json_schema()


def _refuse_unknown_keys(declared: type[BaseModel], config: BaseModel) -> None:
    values = {**config.model_dump(mode="json"), "a key that nobody knows": 1}
    try:
        declared.model_validate(values)
    except ValidationError as exc:
        kinds = {error["type"] for error in exc.errors() if error["loc"] == ("a key that nobody knows",)}
        require("extra_forbidden" in kinds, CHECK, f"an unknown key is refused, but as {sorted(kinds)}")
        return
    raise ConformanceError(CHECK, f'{declared.__name__} accepts unknown keys: set extra="forbid"')
