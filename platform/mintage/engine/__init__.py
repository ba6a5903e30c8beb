"""Running a plan: the pure coordinator, the executors, the worker that mints one shard.

    driver        effects of the coordinator -> attempts of an executor -> events
    coordinator   which shard is next; a pure state machine
    executors     inline (this process), ray_executor (actors)
    worker        one shard: generate > validate > write > commit
    training      a model, fitted here or in one actor

Ray is imported in the modules whose name says so, and in training, when they are used.
"""
