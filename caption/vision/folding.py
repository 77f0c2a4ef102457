"""Batch normalisation as a part of the convolutions before it.

In use it is a fixed scale and shift of each channel, which the weights of a convolution can hold as
well: the same numbers but for rounding, and every feature map is gone through once less.
"""

from torch import nn
from torch.fx import GraphModule, Tracer
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module) -> GraphModule:
    """Return a network, for use alone, without the normalisations that can be folded.

    Args:
        network: made of steps by tracing, and in evaluation mode. It stays as it is, and shares its
            other parts.
    """
    quick = GraphModule(network, _Opened().trace(network))
    modules = dict(quick.named_modules())
    for node in list(quick.graph.nodes):
        norm = modules.get(node.target) if node.op == "call_module" else None
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        (before,) = node.args
        conv = modules.get(before.target) if before.op == "call_module" else None
        if isinstance(conv, nn.Conv2d) and len(before.users) == 1:
            quick.set_submodule(before.target, fuse_conv_bn_eval(conv, norm))
            node.replace_all_uses_with(before)
            quick.graph.erase_node(node)
    quick.delete_all_unused_submodules()
    quick.recompile()
    return quick


class _Opened(Tracer):
    """Follows a network into its sequences, where torchvision hides most normalisations."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return not isinstance(module, nn.Sequential)
