"""What a question answerer knows of its answers, and how right these are."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from caption.evaluation.confidence import ENOUGH, Examples, fit_confidence
from caption.files.paths import ImageId
from caption.models.confidence import Confidence
from caption.vision.extract import FeatureExtractor
from caption.vision.features import ImageFeatures
from caption.vision.store import FeatureStore
from vqa.data.annotations import ImageQuestion
from vqa.data.reading import VqaData
from vqa.metrics import accuracy
from vqa.model import ANSWER_CLUES, VqaModel
from vqa.predict import QuestionAnswerer


def refit(
    model: VqaModel, eyes: FeatureExtractor, data: VqaData, store: FeatureStore
) -> Confidence | None:
    """Return what is expected of a fine-tuned model's answers, if there is enough to tell it by.

    Args:
        model: the model.
        eyes: what it looks with.
        data: questions about held-out images: it has not learnt from them.
        store: the features of the images.
    """
    if len(data.images) < ENOUGH:
        return None
    answerer = QuestionAnswerer(model, eyes)
    examples = answer_examples(answerer, data, lambda image: store.features([image]))
    return fit_confidence(examples, ANSWER_CLUES)[0]


def answer_examples(
    answerer: QuestionAnswerer,
    data: VqaData,
    look: Callable[[ImageId], ImageFeatures] | None = None,
) -> Examples:
    """Answer questions, and say how right the answers are.

    Args:
        answerer: which has not learnt from the images.
        data: the questions.
        look: gives the features of an image; by default its file is looked at.
    """
    asked: defaultdict[ImageId, list[ImageQuestion]] = defaultdict(list)
    for question in data.questions:
        asked[question.image_id].append(question)
    clues, rightness, groups = [], [], []
    for image, questions in asked.items():
        features = look(image) if look else answerer.look(data.images[image])
        for question in questions:
            (answer,) = answerer.ask(features, [question.text], history=question.history)
            clues.append(answer.clues)
            rightness.append(accuracy(answer.text, question.answers))
            groups.append(image)
    return Examples(np.array(clues), np.array(rightness), groups)
