"""Where the odd pixel goes when a convolution halves a picture.

Torch pads both sides alike. TensorFlow's "same" padding gives a strided convolution only as much as
it needs, and the odd row and column below and right: weights that were trained there see every
feature half a stride away from where torch would put it.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow's "same" does; its weights are those of any other."""

    def forward(
        self, input: Float[Tensor, "batch channel row column"]
    ) -> Float[Tensor, "batch other less fewer"]:
        """Return the convolution of a picture, whose size is divided by the stride, rounded up."""
        rows, columns = (
            max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
            for size, stride, kernel, dilation in zip(
                input.shape[2:], self.stride, self.kernel_size, self.dilation, strict=True
            )
        )
        around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        return self._conv_forward(F.pad(input, around), self.weight, self.bias)


def pad_as_tensorflow(network: nn.Module) -> None:
    """Let every strided convolution of a network pad as TensorFlow does; the others do already."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and max(module.stride) > 1:
            module.padding = (0, 0)
            module.__class__ = SameConv2d
