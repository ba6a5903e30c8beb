"""What connectors of files share: locations, folders of files, partitions, one schema, digests."""
