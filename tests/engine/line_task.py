"""The smallest task: a line, with noise from dropout, so that resuming must restore all chance."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from caption.engine.config import OptimConfig, TrainerConfig
from caption.engine.task import LossTerms
from caption.engine.trainer import Stopped, Trainer
from caption.files.writing import replaced_directory

CONFIG = TrainerConfig(
    epochs=3,
    checkpoint_every=100,
    optim=OptimConfig(learning_rate=0.05, warmup_steps=2, weight_decay=0.0),
)


@dataclass
class LineTask:
    """Fit y = 2x."""

    batch_size: int = 4
    num_examples: int = 32
    dropout: float = 0.2
    select_by: str = "minus_error"
    interrupt_at: int | None = None
    model: nn.Module = field(init=False)
    losses: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    stages_from_last: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Dropout(self.dropout), nn.Linear(2, 1))
        self.x = torch.rand(self.num_examples, 2, generator=torch.Generator().manual_seed(1))

    def loader(self, epoch: int) -> DataLoader:
        generator = torch.Generator().manual_seed(epoch)
        return DataLoader(
            TensorDataset(self.x, 2 * self.x[:, :1]),
            batch_size=self.batch_size,
            sampler=torch.randperm(self.num_examples, generator=generator).tolist(),
            generator=torch.Generator(),
        )

    def loss(self, batch, done: float) -> LossTerms:
        if self.interrupt_at is not None and len(self.losses) == self.interrupt_at:
            os.kill(os.getpid(), signal.SIGINT)
        total = (self.model(batch[0]) - batch[1]).square().sum()
        self.losses.append(total.item())
        self.done.append(done)
        return LossTerms(total, total, torch.tensor(len(batch[0])))

    def validate(self) -> dict[str, float]:
        return {"minus_error": -float((self.model(self.x) - 2 * self.x[:, :1]).square().mean())}

    def save(self, directory: Path, metrics) -> None:
        self.saved.append(directory.name)
        with replaced_directory(directory) as partial:
            torch.save(self.model.state_dict(), partial / "weights.pt")


def weights(task: LineTask) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in task.model.parameters()])


def saved_weights(directory: Path) -> torch.Tensor:
    return torch.cat([t.flatten() for t in torch.load(directory / "weights.pt").values()])


def fit(task: LineTask, run: Path, config: TrainerConfig = CONFIG, **options) -> Stopped:
    return Trainer(config, cpu=True).fit(task, run, **options)
