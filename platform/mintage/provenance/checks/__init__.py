"""What is checked of a version: `signed` first, then `whole` or `some` shards of it.

* `signed`: from a head to a statement that may be believed; `judging` holds it against the policy
* `beside`, `history`, `plans`: what lies around the shards
* `parts`, `shards`: each shard's record, commit and parts, and their sums
* `strangers`, `unexplained`: what nothing that was signed speaks of
"""
