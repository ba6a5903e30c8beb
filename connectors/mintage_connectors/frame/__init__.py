"""Tables that are in memory already: pandas, polars, Arrow."""

from mintage_connectors.frame.config import FrameConfig
from mintage_connectors.frame.connector import FrameConnector

__all__ = ["FrameConfig", "FrameConnector"]
