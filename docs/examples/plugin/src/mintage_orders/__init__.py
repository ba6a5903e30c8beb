"""Orders and their lines, made by rules: a generator for Mintage in a package of its own."""

from mintage_orders.config import OrdersConfig
from mintage_orders.generator import OrdersGenerator
from mintage_orders.model import OrdersModel

__all__ = ["OrdersConfig", "OrdersGenerator", "OrdersModel"]
