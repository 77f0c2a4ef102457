"""What is recognised in the images of a feature store, worked out once for all epochs."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from caption.files.paths import ImageId
from caption.vision.concepts import ConceptHead
from caption.vision.store import FeatureStore
from vqa.concepts import by_word

IMAGES = 64
"""Grids that are looked at together."""


class Recognised:
    """How probable some words are in each image of a store."""

    @torch.inference_mode()
    def __init__(self, store: FeatureStore, head: ConceptHead, words: Sequence[str]) -> None:
        """Look at every image.

        Args:
            store: the grids.
            head: what recognises words, in eval mode, on the device that is to be used.
            words: whose probabilities are kept.
        """
        image_ids, device = store.plan.image_ids, next(head.parameters()).device
        self._rows = {image_id: row for row, image_id in enumerate(image_ids)}
        found = [
            by_word(head.recognise(store.features(some).grid.to(device)), words).half().cpu()
            for some in (image_ids[n : n + IMAGES] for n in range(0, len(image_ids), IMAGES))
        ]
        self._probabilities = torch.cat(found).clone()

    def of(self, image_ids: Sequence[ImageId]) -> Float[Tensor, "image word"]:
        """Return how probable each word is in some of the images."""
        return self._probabilities[[self._rows[image_id] for image_id in image_ids]].float()
