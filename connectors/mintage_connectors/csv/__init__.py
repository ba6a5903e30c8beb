"""CSV, also compressed: one file or a folder of files; parts."""

from mintage_connectors.csv.config import CsvConfig
from mintage_connectors.csv.connector import CsvConnector

__all__ = ["CsvConfig", "CsvConnector"]
