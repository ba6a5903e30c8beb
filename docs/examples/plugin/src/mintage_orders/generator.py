"""The generator: there is nothing to learn, so a model is its config."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from mintage.contracts import FitContext, Generator, Source
from mintage.errors import FitError
from mintage_orders.config import OrdersConfig
from mintage_orders.model import FILE, OrdersModel

_MAX_FILE_BYTES = 1_000_000


class OrdersGenerator(Generator):
    """Makes orders and their lines, by rules."""

    Config = OrdersConfig
    needs_source = False

    def __init__(self, config: OrdersConfig) -> None:
        super().__init__(config)
        self._config = config

    def fit(self, source: Source | None, context: FitContext) -> OrdersModel:
        """The configured model; a source is not looked at."""
        del source, context
        return OrdersModel(self._config)

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> OrdersModel:
        """The model that `OrdersModel.save` wrote; raises `FitError` for anything else."""
        if set(files) != {FILE}:
            raise FitError(f"a model of orders is one file, {FILE}, but there are {sorted(files)[:5]}")
        data = files[FILE]
        if len(data) > _MAX_FILE_BYTES:
            raise FitError(f"{FILE} has {len(data)} bytes, more than {_MAX_FILE_BYTES}")
        try:
            model = OrdersModel(OrdersConfig.model_validate_json(data))
        except ValidationError as exc:
            raise FitError(f"{FILE} is no model of orders: {exc}", "fit again") from exc
        # Every field has a default, so `{}` would load: only what `save` writes is a model.
        if model.save() != dict(files):
            raise FitError(f"{FILE} is no model of orders: it does not say everything", "fit again")
        return model
