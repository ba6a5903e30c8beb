"""Parquet: one file, a folder of files, a hive-partitioned folder; parts."""

from mintage_connectors.parquet.config import ParquetConfig
from mintage_connectors.parquet.connector import ParquetConnector

__all__ = ["ParquetConfig", "ParquetConnector"]
