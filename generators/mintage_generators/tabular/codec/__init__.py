"""The codec that tabular generators share: mixed columns as tokens, rare values protected.

What a generator does with the tokens does not belong here.
"""

from mintage_generators.tabular.codec.column import TWO_LEVELS, UNKNOWN, Column, ExactColumn
from mintage_generators.tabular.codec.conditions import Conditions
from mintage_generators.tabular.codec.config import CodecConfig
from mintage_generators.tabular.codec.files import Arrays, Document, damaged, pack, unpack
from mintage_generators.tabular.codec.functions import Function
from mintage_generators.tabular.codec.number import NumberColumn
from mintage_generators.tabular.codec.pieces import PiecedColumn, Pieces
from mintage_generators.tabular.codec.ranks import RankedColumn, Ranks
from mintage_generators.tabular.codec.saved import CodecDocument, read_codec, write_codec
from mintage_generators.tabular.codec.table import FittedTable, TableCodec, fit_table, foresee_table

__all__ = [
    "TWO_LEVELS",
    "UNKNOWN",
    "Arrays",
    "CodecConfig",
    "CodecDocument",
    "Column",
    "Conditions",
    "Document",
    "ExactColumn",
    "FittedTable",
    "Function",
    "NumberColumn",
    "PiecedColumn",
    "Pieces",
    "RankedColumn",
    "Ranks",
    "TableCodec",
    "damaged",
    "fit_table",
    "foresee_table",
    "pack",
    "read_codec",
    "unpack",
    "write_codec",
]
