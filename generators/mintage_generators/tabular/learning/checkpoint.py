"""The state of a training as files, from which it goes on to the same end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import torch
from torch import nn

from mintage_generators.tabular.codec.files import Arrays, Document, damaged, pack, unpack
from mintage_generators.tabular.learning.averages import Averages
from mintage_generators.tabular.learning.config import LearningConfig
from mintage_generators.tabular.learning.curve import Curve
from mintage_generators.tabular.learning.state import State


class CurveDocument(Document):
    """A `Curve`."""

    steps: tuple[int, ...]
    training: tuple[float, ...]
    held_out: tuple[float, ...]
    best: int


class StateDocument(Document):
    """A `State` but for its weights; `training` names the training that it belongs to."""

    training: str
    step: int
    scale: float
    reloads: int
    seconds: float
    held_rows: int
    curve: CurveDocument


def name_training(module: nn.Module, config: LearningConfig, rows: tuple[int, ...], seed: int) -> str:
    """What tells trainings of one fit apart: `sha256` of sizes, options and seed."""
    shapes = {name: list(value.shape) for name, value in module.state_dict().items()}
    told = json.dumps([shapes, asdict(config), list(rows), str(seed)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def belongs(files: Mapping[str, bytes], training: str) -> bool:
    """Whether the files are of that training: a fit may consist of several, one after the other."""
    return unpack(files, StateDocument)[0].training == training


def write_state(
    state: State,
    training: str,
    seconds: float,
    *,
    module: nn.Module,
    average: Averages,
    optimizer: torch.optim.Optimizer,
) -> dict[str, bytes]:
    """JSON and safetensors; `seconds` are those used so far."""
    document = StateDocument(
        training=training,
        step=state.step,
        scale=state.scale,
        reloads=state.reloads,
        seconds=seconds,
        held_rows=state.held_rows,
        curve=CurveDocument.model_validate(
            {name: tuple(v) if isinstance(v, list) else v for name, v in asdict(state.curve).items()}
        ),
    )
    tensors = _tensors(state, module, average, optimizer)
    return pack(document, {name: _array(value) for name, value in tensors.items()})


def read_state(
    files: Mapping[str, bytes], module: nn.Module, average: Averages, optimizer: torch.optim.Optimizer
) -> State:
    """The state, with module, average and optimiser put back; raises `FitError` when it does not fit them."""
    document, arrays = unpack(files, StateDocument)
    curve = document.curve
    if not len(curve.steps) == len(curve.training) == len(curve.held_out) > curve.best >= -1:
        raise damaged("its learning curve has ends that do not meet")
    counters = (document.step, document.seconds, document.reloads, document.held_rows)
    if min(counters) < 0 or not 0 < document.scale <= 1:
        raise damaged("its counters are out of range")
    state = State(
        step=document.step,
        scale=document.scale,
        reloads=document.reloads,
        seconds=document.seconds,
        held_rows=document.held_rows,
        curve=Curve(list(curve.steps), list(curve.training), list(curve.held_out), curve.best),
    )
    _take(arrays, state, module, average, optimizer)
    return state


def _take(
    arrays: Arrays, state: State, module: nn.Module, average: Averages, optimizer: torch.optim.Optimizer
) -> None:
    _fill(arrays, "module", module.state_dict())
    _fill(arrays, "average", {str(i): value for i, value in enumerate(average.values)})
    state.best = {name: torch.empty_like(value) for name, value in module.state_dict().items()}
    _fill(arrays, "best", state.best)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for i, parameter in enumerate(parameters):
        prefix = f"optimizer.{i}."
        names = [name for name in arrays.by_name if name.startswith(prefix)]
        for name in names:
            scalar = name.endswith(".step")
            like = torch.zeros((), dtype=torch.float32) if scalar else torch.empty_like(parameter)
            value = like.to(parameter.device)
            _fill(arrays, prefix.rstrip("."), {name.removeprefix(prefix): value})
            optimizer.state[parameter][name.removeprefix(prefix)] = value


def _fill(arrays: Arrays, prefix: str, values: Mapping[str, torch.Tensor]) -> None:
    for name, value in values.items():
        like = _array(value)
        read = arrays.get(f"{prefix}.{name}", like.dtype.type, like.shape)
        with torch.no_grad():
            value.copy_(torch.from_numpy(read.reshape(value.shape).copy()))


def _tensors(
    state: State, module: nn.Module, average: Averages, optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    tensors = {f"module.{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"average.{i}": value for i, value in enumerate(average.values)}
    tensors |= {f"best.{name}": value for name, value in state.best.items()}
    for i, parameter in enumerate(parameters):
        tensors |= {f"optimizer.{i}.{name}": value for name, value in optimizer.state[parameter].items()}
    return tensors


def _array(value: torch.Tensor) -> np.ndarray:
    # Files of arrays have no numbers of shape ().
    return np.atleast_1d(value.detach().cpu().numpy())
