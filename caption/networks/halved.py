"""A network that reads its weights in half precision, for use alone.

A step of one photo's search reads every weight for three rows, and waits for memory more than it
computes. Models are shared in half precision, or in eight bits that half precision holds, so theirs
lose nothing by it; sums stay float32.
"""

from copy import deepcopy
from itertools import chain
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from caption.networks.cells.cell import CellState
from caption.networks.cells.lstm import LSTM

Network = TypeVar("Network", bound=nn.Module)
ENGINES = ("x86", "fbgemm")
"""Those of torch's quantized engines that know such weights."""


class HalvedLinear(nn.Module):
    """A linear layer with a packed copy of its weights."""

    def __init__(self, weight: Float[Tensor, "out in"], bias: Float[Tensor, " out"] | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.packed = torch.ops.quantized.linear_prepack_fp16(weight.detach(), bias)

    def forward(self, inputs: Float[Tensor, "*row in"]) -> Float[Tensor, "*row out"]:
        """Return the outputs, in float32."""
        return torch.ops.quantized.linear_dynamic_fp16(inputs, self.packed)


class HalvedLSTM(nn.Module):
    """An LSTM whose gates are one product, of input and hidden state side by side."""

    def __init__(self, cell: LSTM) -> None:
        super().__init__()
        self.start = cell.start
        weight = torch.cat([cell.weight_ih, cell.weight_hh], dim=1)
        self.gates = HalvedLinear(weight, (cell.bias_ih + cell.bias_hh).detach())

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the hidden and the cell state after one more input."""
        hidden, cell = state
        gates = self.gates(torch.cat([inputs, hidden], dim=-1))
        write, keep, values, show = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(values)
        return torch.sigmoid(show) * torch.tanh(cell), cell


def halved(network: Network) -> Network:
    """Return a copy with the layers halved where that changes no weight; it shares all else.

    Where none can be, as on other processors or with weights that it would round, the network comes
    back as it is.
    """
    layers = {name: layer for name, layer in network.named_modules() if _can_be_halved(layer)}
    if not layers:
        return network
    own = chain(network.parameters(), network.buffers())
    quick = deepcopy(network, {id(tensor): tensor for tensor in own})
    for name, layer in layers.items():
        new = (
            HalvedLSTM(layer) if isinstance(layer, LSTM) else HalvedLinear(layer.weight, layer.bias)
        )
        quick.set_submodule(name, new)
    return quick


def _can_be_halved(layer: nn.Module) -> bool:
    return (
        type(layer) in (nn.Linear, LSTM)
        and torch.backends.quantized.engine in ENGINES
        and all(_is_exact(weight) for name, weight in layer.named_parameters() if "weight" in name)
    )


def _is_exact(weight: Tensor) -> bool:
    """Return whether half precision holds the very same numbers."""
    return weight.device.type == "cpu" and torch.equal(weight.half().to(weight.dtype), weight)
