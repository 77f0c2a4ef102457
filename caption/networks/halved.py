"""A network that reads its weights in half precision, for use alone.

A step of one photo's search reads every weight for three rows, and waits for memory more than it
computes. Models are shared in half precision, or as whole numbers of eight bits with a scale for
each row, so theirs lose nothing by it; sums stay float32.
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
    """A linear layer with a packed copy of its weights, each row divided by a scale."""

    def __init__(
        self,
        weight: Float[Tensor, "out in"],
        bias: Float[Tensor, " out"] | None,
        scale: Float[Tensor, "out 1"],
    ) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.packed = torch.ops.quantized.linear_prepack_fp16(weight.detach() / scale, None)
        self.scale = scale.squeeze(1)
        self.bias = torch.zeros_like(self.scale) if bias is None else bias.detach()

    def forward(self, inputs: Float[Tensor, "*row in"]) -> Float[Tensor, "*row out"]:
        """Return the outputs, in float32."""
        sums = torch.ops.quantized.linear_dynamic_fp16(inputs, self.packed)
        return torch.addcmul(self.bias, sums, self.scale)


class HalvedLSTM(nn.Module):
    """An LSTM of two such layers."""

    def __init__(self, cell: LSTM, of_input: HalvedLinear, of_hidden: HalvedLinear) -> None:
        super().__init__()
        self.start = cell.start
        self.of_input, self.of_hidden = of_input, of_hidden

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return the hidden and the cell state after one more input."""
        hidden, cell = state
        gates = self.of_input(inputs) + self.of_hidden(hidden)
        write, keep, values, show = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(keep) * cell + torch.sigmoid(write) * torch.tanh(values)
        return torch.sigmoid(show) * torch.tanh(cell), cell


def halved(network: Network) -> Network:
    """Return a copy with the layers halved where that changes no weight; it shares all else.

    Where none can be, as on other processors or with weights that it would round, the network comes
    back as it is.
    """
    if torch.backends.quantized.engine not in ENGINES:
        return network
    layers = {name: new for name, layer in network.named_modules() if (new := _halved(layer))}
    if not layers:
        return network
    own = chain(network.parameters(), network.buffers())
    quick = deepcopy(network, {id(tensor): tensor for tensor in own})
    for name, layer in layers.items():
        quick.set_submodule(name, layer)
    return quick


def _halved(layer: nn.Module) -> nn.Module | None:
    if type(layer) is nn.Linear:
        return _linear(layer.weight, layer.bias)
    if type(layer) is LSTM:
        of_input = _linear(layer.weight_ih, layer.bias_ih)
        of_hidden = _linear(layer.weight_hh, layer.bias_hh)
        if of_input is not None and of_hidden is not None:
            return HalvedLSTM(layer, of_input, of_hidden)
    return None


def _linear(weight: Float[Tensor, "out in"], bias: Tensor | None) -> HalvedLinear | None:
    """Return a layer of these weights, if half precision holds the very same numbers."""
    if weight.device.type != "cpu":
        return None
    largest = weight.detach().abs().amax(dim=1, keepdim=True)
    of_eight_bits = (largest / torch.iinfo(torch.int8).max).clamp(min=torch.finfo(torch.float).tiny)
    for scale in (torch.ones_like(largest), of_eight_bits):
        if torch.equal((weight / scale).half() * scale, weight):
            return HalvedLinear(weight, bias, scale)
    return None
