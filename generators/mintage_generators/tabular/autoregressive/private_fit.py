"""Fitting the network under differential privacy: codec, starting shares and training in one ledger.

What the ordinary fit does with rows beside this (functions between columns, held-out rows, early
stop, the choice of dropout) is left out: each would be one more look at them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from mintage.contracts import FitContext, Source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.hats import hats_of_inputs
from mintage_generators.tabular.autoregressive.layout import Layout, lay_out
from mintage_generators.tabular.autoregressive.network import Network
from mintage_generators.tabular.autoregressive.private_config import PrivateTrainingConfig
from mintage_generators.tabular.autoregressive.private_training import PrivateRun, train_privately
from mintage_generators.tabular.autoregressive.training import CANONICAL_SHARE, KnownColumns
from mintage_generators.tabular.codec import TableCodec
from mintage_generators.tabular.codec.private import PrivateTable, fit_private_table, with_counts
from mintage_generators.tabular.learning.randomness import torch_session
from mintage_generators.tabular.ledger import Ledger

CODEC_SHARE = 0.1
COUNTS_SHARE = 0.1
"""Parts of the budget, as zCDP; training takes what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateFit:
    """What was learned: the codec, weights as `Network.baked` gives them, and the fit record."""

    codec: TableCodec
    weights: dict[str, np.ndarray]
    record: dict[str, object]
    embedding: int
    hidden: int


def fit_privately(
    source: Source, config: AutoregressiveConfig, privacy: PrivateTrainingConfig, context: FitContext
) -> PrivateFit:
    """Learn the source's only table; `record["privacy"]` is the claim.

    Raises `SpecError`, `SourceError` or `FitError` as `fit_private_table` and `train_privately` do.
    """
    ledger = Ledger(privacy, context.rng())
    rho = ledger.rho
    table = fit_private_table(
        source, ledger, rho=CODEC_SHARE * rho, finest=rho, bins=privacy.bins, fit_rows=config.fit_rows
    )
    table = _counted(table, ledger, COUNTS_SHARE * rho)
    layout = lay_out(table.codec)
    config = config.model_copy(
        update={"hidden": privacy.hidden, "embedding": privacy.embedding, "dropout": 0.0}
    )
    weights: dict[str, np.ndarray] = {}
    facts: dict[str, object] = {"steps": 0, "stopped": "nothing varies"}
    if layout.targets:
        with torch_session(context):
            weights, facts = _train(layout, table, config, privacy, ledger=ledger, context=context)
    return PrivateFit(
        codec=table.codec,
        weights=weights,
        record={**table.record, **facts, "privacy": ledger.to_json()},
        embedding=layout.width(privacy.embedding),
        hidden=privacy.hidden,
    )


def _counted(table: PrivateTable, ledger: Ledger, rho: float) -> PrivateTable:
    """The table with the counts of all columns measured: the network starts from them."""
    columns = list(table.codec.columns)
    varying = [i for i, column in enumerate(columns) if column.tokens > 1]
    for i in varying:
        seen = table.tokens[:, i]
        counts = np.bincount(seen[seen >= 0], minlength=columns[i].tokens)
        noisy = ledger.counts(f"marginal of {columns[i].name!r}", counts, rho=rho / len(varying))
        columns[i] = with_counts(columns[i], noisy)
    return replace(table, codec=replace(table.codec, columns=tuple(columns)))


def _train(
    layout: Layout,
    table: PrivateTable,
    config: AutoregressiveConfig,
    privacy: PrivateTrainingConfig,
    *,
    ledger: Ledger,
    context: FitContext,
) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    counts = [table.codec.columns[i].counts for i in layout.inputs]
    hats = hats_of_inputs(table.codec, layout)
    learner = KnownColumns(layout, counts, hats, config=config, rows=1, device="cpu")
    # In bfloat16 the lengths of gradients would be rough, and with them what a row may change.
    learner.module.kind = torch.float32
    rows = _Rows(layout, table.tokens[:, layout.inputs], context.rng())
    every = torch.arange(len(layout.targets))

    def loss(module: torch.nn.Module, row: Sequence[torch.Tensor]) -> torch.Tensor:
        assert isinstance(module, Network)
        return module.loss(row[0][None], row[1], every)

    run = PrivateRun(
        module=learner.module, loss=loss, inputs=rows.inputs, rows=table.rows, count=len(table.tokens)
    )
    average, facts = train_privately(run, ledger, privacy, context)
    learner.module.load_state_dict(average, strict=False)
    return learner.module.baked(), facts


class _Rows:
    """Rows by number, each with what its columns may read: those before them, or a random few first."""

    def __init__(self, layout: Layout, tokens: np.ndarray, rng: np.random.Generator) -> None:
        self.layout, self.tokens, self.rng = layout, tokens, rng

    def inputs(self, numbers: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens int64 (rows, inputs), and what may be read, float32 (rows, targets, inputs, 1)."""
        shape = (len(numbers), len(self.layout.inputs))
        keys = np.broadcast_to(np.arange(shape[1], dtype=np.float64), shape)
        first = self.rng.random(shape) < self.rng.random((shape[0], 1)) ** 2
        first &= self.rng.random((shape[0], 1)) >= CANONICAL_SHARE
        keys = np.where(first, self.rng.random(shape) - 2.0, keys)
        visible = keys[:, None, :] < keys[:, np.asarray(self.layout.targets)][:, :, None]
        tokens = torch.from_numpy(self.tokens[numbers].astype(np.int64))
        return tokens, torch.from_numpy(visible[..., None].astype(np.float32))
