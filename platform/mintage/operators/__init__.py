"""The rules that rows must keep, and the one pass that checks a batch against all of them.

One module holds one operator, registered as the entry point of its name; `validation` runs any number
of them on the batches of a shard. What a rule is belongs to `mintage.contracts`, what is done with
the rows that pass to the engine.
"""
