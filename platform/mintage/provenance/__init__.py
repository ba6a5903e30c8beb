"""Proof of where rows came from: records, the tree over them, signatures, and verifying it all.

* `canonical`, `digests`: one spelling of JSON, and how digests are written
* `content_digest`, `statistics`: what a part's rows are, independent of how they are stored
* `records`, `commits`, `sidecars`, `totals`: what is written down about a shard, and its sums
* `layout`, `attachments`, `exports`: where things lie, and the files beside a version
* `merkle`, `inclusion`, `proofs`, `tree_difference`: the tree, and what can be shown with it
* `key_files`, `key_services`, `signing`: keys and envelopes
* `facts`, `statements`, `slsa`, `gate_statement`, `source_statement`, `reviews`: what is signed
* `manifest`, `heads`, `unsigned`, `attestations`, `evaluations`: folding commits into a signed version,
  reading it back, and what is signed besides
* `segments`, `append`, `bases`, `schema_changes`, `attempts`: versions, and what belongs to none
* `lineage`, `lineage_policy`, `ancestry`, `prov`: what rows were made from, and the walk to the roots
* `policy`, `scope`, `verify`, `checks/`, `report`, `journal`, `evidence`: from a key down to every byte
* `committed`, `proven`, `probes`: what minting a shard again is compared with

Minting, and deciding which rows are good, do not belong here; nor does decoding of parts, which is
handed in by whoever verifies.
"""
