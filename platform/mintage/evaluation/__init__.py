"""Evaluation: how faithful, useful, private and fair synthetic rows are.

Here belongs what measures data sets. What judges single rows is an operator; where tables come from,
and what is done about a failed gate, is the job's.
"""

from mintage.evaluation.options import METRICS, Options
from mintage.evaluation.results import Report

__all__ = ["METRICS", "Options", "Report"]
