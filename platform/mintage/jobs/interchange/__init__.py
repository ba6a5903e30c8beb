"""A data set in the forms that others read: Croissant and a data card, beside each version.

Both say what the signed statement and the report say, in other words; nothing is measured here. Neither
is needed to verify a data set.
"""

from mintage.jobs.interchange.exports import make_exports

__all__ = ["make_exports"]
