"""What a job spec may say about orders."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from mintage.contracts import GeneratorConfig

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class OrdersConfig(GeneratorConfig):
    """Which orders there are."""

    channels: dict[str, Weight] = Field(
        default={"web": 0.6, "store": 0.3, "phone": 0.1},
        min_length=1,
        max_length=1000,
        description="Ways in which an order can come, each with a weight; the weights need not add up to 1.",
    )
    first_day: date = Field(default=date(2024, 1, 1), description="The day of the first orders, in UTC.")
    days: int = Field(default=365, ge=1, le=100_000, description="Days over which the orders spread.")
    most_lines: int = Field(
        default=5, ge=1, le=100, description="Lines that an order has at most; it has at least one."
    )
