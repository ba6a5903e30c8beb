"""Privacy: what synthetic rows reveal of the real ones.

Here belong the metric in which rows are compared, the search for neighbours, and the attacks.
"""

from mintage.evaluation.privacy.privacy import measure_privacy
from mintage.evaluation.privacy.rows import shared_rows

__all__ = ["measure_privacy", "shared_rows"]
