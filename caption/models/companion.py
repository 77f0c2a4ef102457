"""A second captioner with eyes of its own, which has a say in every word.

Two captioners that see differently are wrong about different things, and what both find likely is
more often right: they are an ensemble (Vinyals et al. 2017, "Show and Tell: Lessons learned from
the 2015 MSCOCO Image Captioning Challenge", arXiv:1609.06647). Their opinions are pooled as a
weighed mean of log-probabilities (the logarithmic pool of Genest & Zidek 1986).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jaxtyping import Float, Int
from torch import Tensor

from caption.errors import FeatureStoreError, ModelError
from caption.models.directory import CAPTIONERS
from caption.networks.concepts import Concepts
from caption.networks.decoder import DecoderState
from caption.search.steps import Step, StepFunction
from caption.vision.extract import FeatureExtractor
from caption.vision.features import ImageFeatures

if TYPE_CHECKING:
    from caption.models.captioner import CaptionModel


@dataclass(frozen=True, eq=False)
class Companion:
    """Another captioner of the package, and how much its opinion counts."""

    name: str
    """Of the captioner, such as "small"."""
    share: float
    """Of its opinion in the pool, between 0 and 1; the rest is the first captioner's."""
    model: "CaptionModel"

    @classmethod
    def beside(
        cls,
        model: "CaptionModel",
        name: str,
        share: float,
        load: "Callable[[str], CaptionModel]",
    ) -> "Companion":
        """Load a companion for a model.

        Args:
            model: that it is to help.
            name: of the companion.
            share: of its opinion.
            load: gives the captioner of a name of the package.

        Raises:
            ModelError: there is no such captioner, it knows other words or sees pictures that are
                prepared in another way, or the share is none.
        """
        if name not in CAPTIONERS:
            known = " or ".join(CAPTIONERS)
            raise ModelError(f"a companion is a captioner of the package, {known}, not {name!r}")
        if not 0 < share < 1:
            raise ModelError(f"the share of a companion lies between 0 and 1, got {share}")
        other = load(name)
        other.companion = None
        if other.vocabulary.tokens != model.vocabulary.tokens:
            raise ModelError(
                f"{name} cannot be the companion of a model that knows other words; only models "
                "that were trained on from the same one can pool their opinions"
            )
        sizes = [m.encoder.config.preprocess for m in (model, other)]
        if sizes[0] != sizes[1]:
            raise ModelError(
                f"{name} cannot be the companion of a model whose pictures are prepared in another "
                f"way: {sizes[0]}, its own {sizes[1]}"
            )
        return cls(name, share, other.eval())

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for the config of the model that it is beside."""
        return {"model": self.name, "share": self.share}

    def sees(self, features: ImageFeatures) -> Float[Tensor, "image position feature"]:
        """Return the features that it writes from.

        Raises:
            FeatureStoreError: only the model that it is beside has looked.
        """
        if features.beside is None:
            raise FeatureStoreError(
                f"these features lack what {self.name} sees, who writes too; encode the images "
                "with this captioner"
            )
        return features.beside

    def pool(
        self, own: Float[Tensor, "*row vocabulary"], other: Float[Tensor, "*row vocabulary"]
    ) -> Float[Tensor, "*row vocabulary"]:
        """Return log-probabilities that are the weighed mean of two opinions, summing up to 1.

        Args:
            own: log-probabilities of the model that it is beside.
            other: its own.
        """
        return own.lerp(other, self.share).log_softmax(dim=-1)

    def joining(
        self,
        own: StepFunction[Any],
        state: DecoderState,
        features: Float[Tensor, "image position feature"],
        styles: Int[Tensor, " row"],
        concepts: Concepts | None,
    ) -> "tuple[StepFunction[Together], Together]":
        """Return the steps that both take together, and the state before the first.

        Where both attend to as many places, they are said to look where they look in the mean.

        Args:
            own: steps of the model that it is beside.
            state: of that model before the first word.
            features: what the companion sees.
            styles: the way of captioning in each row.
            concepts: what both are told of each image; if nothing, what it recognises itself.
        """

        def step(words: Int[Tensor, " row"], state: Together) -> Step[Together]:
            first, second = own(words, state.own), self.model.step(words, state.other)
            trace = first.trace
            if trace is not None and second.trace is not None and trace.shape == second.trace.shape:
                trace = trace.lerp(second.trace, self.share)
            log_probs = self.pool(first.log_probs, second.log_probs)
            return Step(log_probs, Together(first.state, second.state), trace)

        start = self.model.start(features, styles=styles, concepts=concepts)
        return step, Together(state, start)


@dataclass(frozen=True)
class Together:
    """The states of a model and its companion."""

    own: DecoderState
    other: DecoderState

    def select(
        self, rows: Int[Tensor, " row"], images: Int[Tensor, " image"] | None = None, /
    ) -> "Together":
        """Return the states of these rows, and of these images if not of all."""
        return Together(self.own.select(rows, images), self.other.select(rows, images))


def eyes_of(model: "CaptionModel") -> FeatureExtractor:
    """Return what a captioner looks with; its companion looks too."""
    other = model.companion
    beside = None if other is None else other.model.encoder
    return FeatureExtractor(model.encoder, model.concepts, beside)
