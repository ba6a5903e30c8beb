"""The report: a verdict in plain words, and one self-contained HTML file.

Here belongs how figures are told. What they are, and how they are measured, is the rest of
`mintage.evaluation`; where the report is stored is the job's.
"""

from mintage.evaluation.report.html import render_html
from mintage.evaluation.report.verdict import write_verdict

__all__ = ["render_html", "write_verdict"]
