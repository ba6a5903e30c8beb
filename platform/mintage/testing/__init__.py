"""The conformance suite: what a generator, a connector or an operator has to keep, as tests.

For authors of plugins, and for the plugins that come with Mintage, which pass the same checks. It
needs no test framework: a check is a function that raises `ConformanceError`, so it works as one
line (`check_generator`) or as one test for each property (`GENERATOR_CHECKS`). What runs jobs does
not belong here.
"""

from mintage.testing.connector_case import ConnectorCase, Place
from mintage.testing.connectors import CONNECTOR_CHECKS, ConnectorCheck, check_connector
from mintage.testing.errors import ConformanceError
from mintage.testing.generator_case import GeneratorCase
from mintage.testing.generators import GENERATOR_CHECKS, GeneratorCheck, check_generator
from mintage.testing.operator_case import OperatorCase
from mintage.testing.operators import OPERATOR_CHECKS, OperatorCheck, check_operator
from mintage.testing.samples import every_type, plain_types
from mintage.testing.sources import MemoryReader, memory_source

__all__ = [
    "CONNECTOR_CHECKS",
    "GENERATOR_CHECKS",
    "OPERATOR_CHECKS",
    "ConformanceError",
    "ConnectorCase",
    "ConnectorCheck",
    "GeneratorCase",
    "GeneratorCheck",
    "MemoryReader",
    "OperatorCase",
    "OperatorCheck",
    "Place",
    "check_connector",
    "check_generator",
    "check_operator",
    "every_type",
    "memory_source",
    "plain_types",
]
