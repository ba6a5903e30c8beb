"""Arrow IPC, as file and as stream: one file or a folder of files; parts."""

from mintage_connectors.ipc.config import IpcConfig
from mintage_connectors.ipc.connector import IpcConnector

__all__ = ["IpcConfig", "IpcConnector"]
