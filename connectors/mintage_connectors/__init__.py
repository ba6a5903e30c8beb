"""Everything that reads tables from, and writes parts in, the formats of the outside world.

One folder for each connector, with its `config.py` and `connector.py`; `files` holds what all
connectors of files share, `text` what the text formats share. Where bytes are stored (local disk,
S3) is the business of `mintage.store`; how rows are made does not belong here.
"""
