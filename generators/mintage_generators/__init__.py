"""Everything that makes rows: one folder per kind of data, one below it per generator.

A generator imports `mintage.contracts` and `mintage.errors`, nothing else of the platform; reading sources
and writing parts do not belong here.
"""
