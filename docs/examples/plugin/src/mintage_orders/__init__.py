"""What a shop needs of Mintage that Mintage does not have: plugins in a package of their own.

A generator of orders and their lines, an operator that knows the days on which the shop is open, and
a connector for its ORC files.
"""

from mintage_orders.config import OrdersConfig
from mintage_orders.generator import OrdersGenerator
from mintage_orders.model import OrdersModel
from mintage_orders.orc import OrcConnector
from mintage_orders.weekdays import WeekdaysConfig, WeekdaysOperator

__all__ = [
    "OrcConnector",
    "OrdersConfig",
    "OrdersGenerator",
    "OrdersModel",
    "WeekdaysConfig",
    "WeekdaysOperator",
]
