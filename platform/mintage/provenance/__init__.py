"""Proof of where rows came from: records, the tree over them, signatures, and verifying it all.

* `canonical`, `digests`: one spelling of JSON, and how digests are written
* `content_digest`, `statistics`: what a part's rows are, independent of how they are stored
* `records`, `layout`: what is written down about a shard, and where
* `merkle`, `signing`, `facts`, `statements`: the tree, the keys, and what is signed
* `manifest`, `heads`: folding commits into a signed version, and reading it back
* `verify`, `report`: from a public key down to every row

Minting, and deciding which rows are good, do not belong here; nor does decoding of parts, which is
handed in by whoever verifies.
"""
