"""Where bytes are kept: one folder, local or in an object store, behind one small interface.

The exclusive create, the streamed part, the probe that proves both, and the policy of what may be
opened at all. What the bytes mean (rows, records, manifests) does not belong here.
"""

from mintage.store.object_info import ObjectInfo, UnfinishedInfo
from mintage.store.object_store import ObjectStore
from mintage.store.part_stream import PartStream
from mintage.store.url_policy import DEFAULT_POLICY, UrlPolicy, check_path, check_uri, expand_uri

__all__ = [
    "DEFAULT_POLICY",
    "ObjectInfo",
    "ObjectStore",
    "PartStream",
    "UnfinishedInfo",
    "UrlPolicy",
    "check_path",
    "check_uri",
    "expand_uri",
]
