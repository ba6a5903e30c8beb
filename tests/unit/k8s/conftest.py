"""What tests of the chart share."""

from __future__ import annotations

import pytest

pytest.importorskip("helm_python", reason="Helm's engine is built for Linux only")
