"""How weights move: parameter groups, the learning rate's course, clipping."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from caption.engine.config import OptimConfig


def build_optimizer(
    model: nn.Module, config: OptimConfig, stages_from_last: Mapping[str, int]
) -> AdamW:
    """Return AdamW over the trainable weights.

    Args:
        model: whose weights they are.
        config: rates and decay.
        stages_from_last: names of the encoder's weights, with the stages between them and its end:
            these learn at the encoder's rate, the slower the further from the end.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = config.learning_rate
            if name in stages_from_last:
                rate = config.encoder_learning_rate * config.stage_decay ** stages_from_last[name]
            decays = parameter.ndim > 1 and id(parameter) not in embeddings
            groups.setdefault((rate, decays), []).append(parameter)
    return AdamW(
        [
            {
                "params": parameters,
                "lr": rate,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (rate, decays), parameters in groups.items()
        ]
    )


def build_schedule(
    optimizer: torch.optim.Optimizer, config: OptimConfig, *, epochs: int, updates_per_epoch: int
) -> LambdaLR:
    """Return the schedule that scales every group's rate in the same way, update for update."""
    warmup, num_updates = config.warmup_steps, epochs * updates_per_epoch

    def cosine(update: int) -> float:
        done = (update - warmup) / max(1, num_updates - warmup)
        share = (1 + math.cos(math.pi * min(1.0, done))) / 2
        return config.final_share + (1 - config.final_share) * share

    def step(update: int) -> float:
        return config.step_factor ** (update // updates_per_epoch // config.step_epochs)

    def constant(update: int) -> float:
        return 1.0

    course = {"cosine": cosine, "step": step, "constant": constant}[config.schedule]

    def scale(update: int) -> float:
        return (update + 1) / warmup if update < warmup else course(update)

    return LambdaLR(optimizer, scale)


def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """Return the norm of the gradient of all weights together."""
    return get_total_norm([p.grad for p in parameters if p.grad is not None])


def clip_gradients(parameters: Iterable[nn.Parameter], config: OptimConfig, norm: Tensor) -> None:
    """Make the gradient's norm, or each of its values, no larger than the config says."""
    if config.clip == "norm":
        clip_grads_with_norm_(parameters, config.clip_at, norm)
    else:
        clip_grad_value_(parameters, config.clip_at)
