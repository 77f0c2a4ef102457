"""What a captioner knows of its captions of captioned pictures, and how good these are."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from caption.data.captioned import CaptionedImage
from caption.errors import DataError, ImageError
from caption.evaluation.confidence import ENOUGH, Examples, caption_qualities, fit_confidence
from caption.models.captioner import CaptionModel
from caption.models.confidence import CAPTION_CLUES, Confidence
from caption.predict import Captioner


def refit(model: CaptionModel, images: Sequence[CaptionedImage]) -> Confidence | None:
    """Return what is expected of a fine-tuned model's captions, if there is enough to tell it by.

    Args:
        model: the model.
        images: held out: it has not learnt from them.
    """
    if len(images) < ENOUGH:
        return None
    with suppress(DataError):  # one caption of each picture does not tell how good people's are
        return fit_confidence(caption_examples(Captioner(model), images), CAPTION_CLUES)[0]
    return None


def caption_examples(captioner: Captioner, images: Sequence[CaptionedImage]) -> Examples:
    """Caption pictures, and say how good the captions are by what people wrote of them.

    Args:
        captioner: which has not learnt from the pictures.
        images: of one set, which is scored by itself.

    Raises:
        ImageError: a picture cannot be read.
        DataError: no picture has several captions, or there are too few pictures to score.
    """
    captions = []
    for file in captioner.describe_files(image.source for image in images):
        if file.caption is None:
            raise ImageError(str(file.error))
        captions.append(file.caption)
    image_ids = [image.image_id for image in images]
    qualities = caption_qualities(
        {image: caption.text for image, caption in zip(image_ids, captions, strict=True)},
        {image.image_id: image.captions for image in images},
    )
    return Examples(np.array([caption.clues for caption in captions]), qualities, image_ids)
