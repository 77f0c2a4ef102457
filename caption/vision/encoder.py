"""Pixels to a grid of features, with any torchvision classification CNN.

The network is cut where its global average pooling would throw the places away; what is left is a
grid of feature vectors, one for each region of the picture: what an attending decoder reads.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator
from copy import copy, deepcopy
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.fx import Graph
from torchvision.models.feature_extraction import (
    DualGraphModule,
    create_feature_extractor,
    get_graph_node_names,
)

from caption.errors import ModelError
from caption.vision.config import EncoderConfig, Padding
from caption.vision.folding import fold_batch_norms
from caption.vision.padding import SameConv2d, pad_as_tensorflow

POOLING_NODES = ("avgpool", "adaptive_avg_pool2d", "mean")
"""How torchvision's CNNs call their global average pooling; the node before it is the last grid."""

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)

ALL_STAGES = -1

LEAVES = {"leaf_modules": [SameConv2d]}
"""What tracing takes for one step, since what it does depends on the size of the picture."""


class ImageEncoder(nn.Module):
    """A CNN that keeps the places: pixels in, a grid of feature vectors out.

    It starts frozen; `set_trainable` opens the last stages. Weights are random until `load_weights`
    or `load_state_dict`.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        classifier = build_classifier(config.architecture, config.padding)
        self.network = _cut(classifier, config, _grid_node(classifier, config))
        # Channels-last is how the convolutions of CPUs and GPUs like it best.
        self.network.to(memory_format=torch.channels_last)
        self.stages = _stage_names(self.network)
        self._freeze_batch_norm = False
        self.set_trainable(0)
        if config not in _known_grids:
            _known_grids[config] = self._measure()
        self.grid_size, self.feature_dim = _known_grids[config]

    def forward(
        self, pixels: Float[Tensor, "batch channel row column"]
    ) -> Float[Tensor, "batch position feature"]:
        """Return the feature vectors of the grid, row by row, top-left first."""
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        grid = self.network(pixels)["grid"]
        if self.config.grid_size is not None:
            grid = F.adaptive_avg_pool2d(grid, self.config.grid_size)
        return grid.flatten(2).transpose(1, 2)

    def set_trainable(self, num_stages: int, *, freeze_batch_norm: bool = False) -> None:
        """Let the last `num_stages` stages learn, 0 for none and -1 for all, and freeze the rest.

        Args:
            num_stages: how many of `self.stages`, counted from the end.
            freeze_batch_norm: keep BatchNorm's running statistics and affine weights as they are
                also in trainable stages, for batches too small to estimate them from.
        """
        if not ALL_STAGES <= num_stages <= len(self.stages):
            raise ValueError(
                f"num_stages must be between 0 and {len(self.stages)}, or {ALL_STAGES} for all, "
                f"got {num_stages}"
            )
        first = 0 if num_stages == ALL_STAGES else len(self.stages) - num_stages
        trainable = set(self.stages[first:])
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad = _stage_of(name) in trainable
        self._freeze_batch_norm = freeze_batch_norm
        for module in self._frozen_modules():
            module.requires_grad_(False)
        self.train(self.training)

    @property
    def stages_from_last(self) -> dict[str, int]:
        """Names of the weights, with how many stages lie between them and the last: 0 for it."""
        last = len(self.stages) - 1
        distances = {stage: last - place for place, stage in enumerate(self.stages)}
        names = dict(self.network.named_parameters())
        return {f"network.{name}": distances[_stage_of(name)] for name in names}

    @property
    def is_trainable(self) -> bool:
        """True if any weight of the encoder learns."""
        return any(parameter.requires_grad for parameter in self.parameters())

    def train(self, mode: bool = True) -> "ImageEncoder":
        """Switch to training mode, except what is frozen.

        A frozen BatchNorm must also keep its running statistics: in train mode they would follow
        our small batches and drift from the pretrained weights that were fitted to them; frozen
        dropout and stochastic depth would add noise that nothing can learn to undo.
        """
        super().train(mode)
        if mode and not self.is_trainable:
            self.network.eval()
        elif mode:
            for module in self._frozen_modules():
                module.eval()
        return self

    def _frozen_modules(self) -> Iterator[nn.Module]:
        for module in self.network.modules():
            parameters = list(module.parameters())
            if (parameters and not any(p.requires_grad for p in parameters)) or (
                self._freeze_batch_norm and isinstance(module, BATCH_NORMS)
            ):
                yield module

    def load_weights(self, source: str) -> None:
        """Start from trained weights.

        Args:
            source: 'imagenet' for torchvision's best (downloaded on first use), or the path of a
                safetensors file with torchvision's names, in any floating type.

        Raises:
            ModelError: the file cannot be read or is not of this architecture.
        """
        load_torchvision(self.network, self.config.architecture, source)

    def folded(self) -> "ImageEncoder":
        """Return a copy for use alone, which sees the same quicker, as `fold_batch_norms` says.

        It has other weights, so that it is neither trained nor saved, and another fingerprint.
        """
        quick = copy(self.eval())
        quick._modules = {"network": fold_batch_norms(self.network)}
        return quick

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that stand for this encoder: its config and its weights.

        Features carry it, so that a head trained on another encoder's features can refuse them.
        """
        config = asdict(self.config)
        if config["padding"] == "symmetric":
            del config["padding"]  # encoders had no other once, and keep their fingerprints
        digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            # The count of batches seen in training changes no feature.
            if not name.endswith("num_batches_tracked"):
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    @torch.no_grad()
    def _measure(self) -> tuple[tuple[int, int], int]:
        """Run one blank picture through to learn the size of the grid and of its vectors."""
        self.eval()
        pixels = torch.zeros(1, 3, *self.config.preprocess.size)
        grid = self.network(pixels)["grid"]
        if grid.ndim != 4:
            raise ModelError(
                f"stage {self.config.stage!r} of {self.config.architecture} gives a tensor of "
                f"shape {tuple(grid.shape)}, not a grid of features; choose an earlier stage"
            )
        rows, columns = self.config.grid_size or (grid.shape[2], grid.shape[3])
        self.train()
        return (rows, columns), grid.shape[1]


_known_grids: dict[EncoderConfig, tuple[tuple[int, int], int]] = {}
"""Size of the grid and of its vectors; looking at a picture for them takes a while."""


def build_classifier(architecture: str, padding: Padding) -> nn.Module:
    """Return a classification network of torchvision without trained weights.

    Raises:
        ModelError: torchvision has none of this name.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if architecture not in known:
        near = difflib.get_close_matches(architecture, known, n=3) or ["mobilenet_v2"]
        raise ModelError(
            f"architecture {architecture!r} is not a classification network of torchvision; "
            f"did you mean {', '.join(near)}?"
        )
    network: nn.Module = torchvision.models.get_model(architecture, weights=None)
    if padding == "same":
        pad_as_tensorflow(network)
    return network


def _grid_node(classifier: nn.Module, config: EncoderConfig) -> str:
    names = _node_names(classifier, config.architecture)
    if config.stage is not None:
        if not any(name == config.stage or name.startswith(f"{config.stage}.") for name in names):
            stages = ", ".join(_stage_names(classifier))
            raise ModelError(
                f"{config.architecture} has no stage {config.stage!r}; its stages are {stages}"
            )
        return config.stage
    pooling = max((i for i, name in enumerate(names) if name in POOLING_NODES), default=None)
    if pooling is None:
        raise ModelError(
            f"{config.architecture} has no global average pooling, so its last grid is unknown; "
            "name one of its layers as stage"
        )
    return names[pooling - 1]


_known_nodes: dict[str, list[str]] = {}


def _node_names(classifier: nn.Module, architecture: str) -> list[str]:
    """Return the steps that a network takes in evaluation; tracing it for them takes a while."""
    if architecture not in _known_nodes:
        names = get_graph_node_names(classifier, tracer_kwargs=LEAVES, suppress_diff_warning=True)
        _known_nodes[architecture] = names[1]
    return _known_nodes[architecture]


_known_graphs: dict[tuple[str, str, str], tuple[Graph, Graph]] = {}


def _cut(classifier: nn.Module, config: EncoderConfig, node: str) -> nn.Module:
    """Return a network up to a node. The steps to there are traced once, as the nodes are."""
    key = config.architecture, config.padding, node
    if key not in _known_graphs:
        cut = create_feature_extractor(
            classifier, {node: "grid"}, tracer_kwargs=LEAVES, suppress_diff_warning=True
        )
        _known_graphs[key] = deepcopy(cut.train_graph), deepcopy(cut.eval_graph)
    # Copies, since a graph holds on to the network that uses it, and to its weights.
    return DualGraphModule(classifier, *map(deepcopy, _known_graphs[key]))


def _stage_names(network: nn.Module) -> list[str]:
    """Return the stages that have weights, first to last."""
    names = (_stage_of(name) for name, _ in network.named_parameters())
    return list(dict.fromkeys(names))


def _stage_of(parameter_name: str) -> str:
    """Return the stage that a parameter is part of: 'features.3' or 'layer2'."""
    first, second = parameter_name.split(".")[:2]
    # MobileNet, EfficientNet, ConvNeXt, DenseNet, VGG; RegNet; MNASNet keep all in one container.
    return f"{first}.{second}" if first in {"features", "trunk_output", "layers"} else first


def load_torchvision(network: nn.Module, architecture: str, source: str) -> None:
    """Give trained weights to a classification network of torchvision, or to a part of one.

    Args:
        network: whose tensors have torchvision's names; of the weights, only these are taken.
        architecture: what torchvision calls it.
        source: as `ImageEncoder.load_weights` takes it.

    Raises:
        ModelError: the file cannot be read or is not of this architecture.
    """
    if source == "imagenet":
        weights = torchvision.models.get_model_weights(architecture).DEFAULT
        tensors = weights.get_state_dict(progress=True, check_hash=True)
    else:
        tensors = read_tensors(Path(source))
    own = network.state_dict()
    wrong = [
        name
        for name, tensor in own.items()
        if name not in tensors or tensors[name].shape != tensor.shape
    ]
    if wrong:
        raise ModelError(
            f"{source}: {len(wrong)} of {len(own)} tensors are missing or have another shape, "
            f"the first is {wrong[0]!r}; expected the weights of torchvision's "
            f"{architecture}"
        )
    network.load_state_dict({name: tensors[name].to(own[name].dtype) for name in own})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return what a safetensors file holds.

    Raises:
        ModelError: it is missing or damaged.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; expected a safetensors file") from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a readable safetensors file ({error})") from None
