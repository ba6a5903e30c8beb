"""Reading an object of which only its greatest size is known."""

from __future__ import annotations

from mintage.errors import ObjectMissingError, ProvenanceError, StoreError
from mintage.store import ObjectStore


def read_capped(store: ObjectStore, path: str, max_bytes: int) -> bytes:
    """The object, where being larger than `max_bytes` is the object's fault and not the store's.

    Raises `ProvenanceError` for that, `ObjectMissingError` when there is none, and `StoreError` only
    when the store itself cannot be read.
    """
    try:
        return store.read(path, max_bytes=max_bytes)
    except ObjectMissingError:
        raise
    except StoreError as exc:
        if exc.retryable or (size := store.size(path)) <= max_bytes:
            raise
        raise ProvenanceError(f"{path} has {size} bytes where at most {max_bytes} are allowed") from exc
