"""Shards straight into a training loop: the rows that a data set has or would have, by (shard, batch).

`lanes` says who draws which shards, and how far each one came; `rows` makes the rows of a shard or reads
them; `chunks` cuts them; `feeds` and the feeds on Ray and in another process hand them over; `dataset` is
what a loop iterates over. How a job comes to its plan does not belong here but in `mintage.jobs`.
"""
