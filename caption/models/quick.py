"""A captioner for use alone, which writes quicker."""

from copy import copy
from dataclasses import replace

from caption.models.captioner import CaptionModel
from caption.networks.halved import halved


def quickened(model: CaptionModel) -> CaptionModel:
    """Return a model that writes the same with its decoder `halved`; it is not to be trained."""
    quick = copy(model)
    quick._modules = model._modules | {"decoder": halved(model.get_submodule("decoder"))}
    if model.companion is not None:
        quick.companion = replace(model.companion, model=quickened(model.companion.model))
    return quick
