"""Traces, metrics and logs of a job, through the OpenTelemetry API; nothing leaves by itself.

What belongs here: the names of spans, attributes and metrics, and how they get out when settings ask
for it. What does not: when something is worth a span or a count, which the rooms above decide.
"""

from mintage.telemetry.instruments import INSTRUMENTS, Instrument
from mintage.telemetry.logs import logger, write_logs
from mintage.telemetry.marks import Mark, add_mark, mark_text, marked, marks
from mintage.telemetry.recording import Outlet, add_outlet, record
from mintage.telemetry.switch import exporting, flush, start
from mintage.telemetry.tracing import NO_TRACE, carrier, continued, set_attribute, span, stage

__all__ = [
    "INSTRUMENTS",
    "NO_TRACE",
    "Instrument",
    "Mark",
    "Outlet",
    "add_mark",
    "add_outlet",
    "carrier",
    "continued",
    "exporting",
    "flush",
    "logger",
    "mark_text",
    "marked",
    "marks",
    "record",
    "set_attribute",
    "span",
    "stage",
    "start",
    "write_logs",
]
