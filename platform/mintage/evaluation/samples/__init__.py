"""The page that a reviewer looks at: facts, worst columns and pairs, odd rows, rows at random.

It needs the data set and its report alone; no real row is there to compare with.
"""

from mintage.evaluation.samples.html import render_sample_page
from mintage.evaluation.samples.page import SamplePage, Subject, TableSample, make_sample_page

__all__ = ["SamplePage", "Subject", "TableSample", "make_sample_page", "render_sample_page"]
