"""A selective state-space cell (Gu & Dao 2023, "Mamba", arXiv 2312.00752).

Letters and equation numbers are of that paper.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from caption.networks.cells.cell import CellState

SHORTEST_STEP, LONGEST_STEP = 0.001, 0.1
"""What the step Δ is between at first (section 3.6)."""


class StateSpace(nn.Module):
    """A linear recurrence whose time step, input and output depend on what is read.

    Every number u of the projected input drives a system x' = Ax + Bu of its own with `modes`
    numbers x, of which y = Cx + Du is read. A is diagonal and learnt; Δ, B and C are computed from
    the input (algorithm 2), so that the cell chooses what to keep. Nothing of the last hidden state
    enters, so what the memory holds is never squashed.

    It is the block of figure 3, its input normalised as between the paper's blocks, with as many
    channels as the hidden state has numbers. What the short convolution looks back on is part of
    the state.
    """

    modes = 16
    """N, rates of decay for each channel. The paper's own number: up to it every doubling helped
    (table 10), while what has to be remembered of a caption doubles too."""
    window = 4
    """Inputs that the short convolution spans, as in the authors' code. They tell their order,
    which a memory that only fades keeps badly."""

    def __init__(self, input_dim: int, state_dim: int) -> None:
        super().__init__()
        # Δ of all channels is of low rank, a sixteenth as in the authors' code.
        self.delta_rank = math.ceil(state_dim / 16)
        # What the memory takes up is a product of B and u, both made of the input: were that small,
        # as new word embeddings are, almost nothing would be remembered.
        self.norm_input = nn.LayerNorm(input_dim)
        self.project_input = nn.Linear(input_dim, 2 * state_dim, bias=False)
        self.convolve = nn.Conv1d(state_dim, state_dim, self.window, groups=state_dim)
        self.select = nn.Linear(state_dim, self.delta_rank + 2 * self.modes, bias=False)
        self.project_delta = nn.Linear(self.delta_rank, state_dim)
        # A = -exp(log_rates), at first -1, -2, ... -N (S4D-Real, section 3.6): always stable.
        rates = torch.arange(1, self.modes + 1, dtype=torch.get_default_dtype())
        self.log_rates = nn.Parameter(rates.log().repeat(state_dim, 1))
        self.skip = nn.Parameter(torch.ones(state_dim))
        self.project_output = nn.Linear(state_dim, state_dim, bias=False)
        self._initialise_delta()

    @staticmethod
    def initial_dim(state_dim: int) -> int:
        """Return the size of the hidden state and of a number for each channel."""
        return 2 * state_dim

    def start(self, initial: Float[Tensor, "row initial"]) -> CellState:
        """Return one half of the given numbers as hidden state, the other in every mode.

        Modes begin alike, as after an input that all of them took up: with numbers of their own,
        what makes the first state would be larger than the cell. Before the first input are zeros.
        """
        hidden, channels = initial.chunk(2, dim=-1)
        memory = channels.unsqueeze(-1).expand(-1, -1, self.modes)
        return hidden, memory, hidden.new_zeros(*hidden.shape, self.window - 1)

    def step(self, inputs: Float[Tensor, "row input"], state: CellState) -> CellState:
        """Return hidden state, memory [row, channel, mode] and last inputs [row, channel, last]."""
        _, memory, recent = state
        channels, gate = self.project_input(self.norm_input(inputs)).chunk(2, dim=-1)
        recent = torch.cat([recent, channels.unsqueeze(-1)], dim=-1)
        channels = F.silu(self.convolve(recent).squeeze(-1))
        low_rank, b, c = self.select(channels).split([self.delta_rank, self.modes, self.modes], -1)
        delta = F.softplus(self.project_delta(low_rank))
        memory = self._hold(channels.unsqueeze(-1) * b.unsqueeze(1), delta, memory)
        output = (memory * c.unsqueeze(1)).sum(dim=-1) + self.skip * channels
        return self.project_output(output * F.silu(gate)), memory, recent[..., 1:]

    def _hold(
        self,
        drive: Float[Tensor, "row channel mode"],
        delta: Float[Tensor, "row channel"],
        memory: Float[Tensor, "row channel mode"],
    ) -> Float[Tensor, "row channel mode"]:
        """Return the solution of x' = Ax + Bu after time Δ in which the drive Bu is held.

        This is the zero-order hold (equation 4), x + (exp(ΔA) - 1)(x + Bu / A), written as the way
        gone from x to the equilibrium -Bu / A: exact for small Δ too, where nothing moves.
        """
        rates = self.log_rates.exp()
        way = -torch.expm1(-delta.unsqueeze(-1) * rates)
        return memory + way * (drive / rates - memory)

    def _initialise_delta(self) -> None:
        """Draw Δ of each channel evenly on a logarithmic scale between its bounds."""
        bounds = math.log(SHORTEST_STEP), math.log(LONGEST_STEP)
        delta = torch.empty_like(self.project_delta.bias).uniform_(*bounds).exp()
        with torch.no_grad():
            # The inverse of softplus.
            self.project_delta.bias.copy_(delta.expm1().log())
