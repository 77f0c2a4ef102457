"""How weights move: parameter groups and the learning rate's course."""

import math

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from caption.engine.config import OptimConfig


def build_optimizer(model: nn.Module, config: OptimConfig) -> AdamW:
    """Return AdamW over the trainable weights; those under `encoder` have their own rate."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = parameter.ndim > 1 and id(parameter) not in embeddings
            groups.setdefault((name.startswith("encoder."), decays), []).append(parameter)
    return AdamW(
        [
            {
                "params": parameters,
                "lr": config.encoder_learning_rate if of_encoder else config.learning_rate,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (of_encoder, decays), parameters in groups.items()
        ]
    )


def build_schedule(
    optimizer: torch.optim.Optimizer, config: OptimConfig, *, num_updates: int
) -> LambdaLR:
    """Return the schedule that scales every group's rate in the same way."""

    def scale(update: int) -> float:
        if update < config.warmup_steps:
            return (update + 1) / config.warmup_steps
        done = (update - config.warmup_steps) / max(1, num_updates - config.warmup_steps)
        cosine = (1 + math.cos(math.pi * min(1.0, done))) / 2
        return config.final_share + (1 - config.final_share) * cosine

    return LambdaLR(optimizer, scale)
