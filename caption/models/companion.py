"""A second model with eyes of its own, which has a say in every word or answer.

Two models that see differently are wrong about different things, and what both find likely is
more often right: they are an ensemble (Vinyals et al. 2017, "Show and Tell: Lessons learned from
the 2015 MSCOCO Image Captioning Challenge", arXiv:1609.06647). Their opinions are pooled as a
weighed mean of log-probabilities (the logarithmic pool of Genest & Zidek 1986).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from jaxtyping import Float, Int
from torch import Tensor, nn

from caption.errors import FeatureStoreError, ModelError
from caption.models.directory import CAPTIONERS
from caption.networks.concepts import Concepts
from caption.networks.decoder import DecoderState
from caption.search.steps import Step, StepFunction
from caption.vision.extract import FeatureExtractor
from caption.vision.features import ImageFeatures

if TYPE_CHECKING:
    from caption.models.captioner import CaptionModel


class Accompanied(nn.Module):
    """A model that may have a companion, which is no part of its own weights."""

    companion: "Companion[Any] | None"
    """Who has a say in what it does; training goes on without."""

    def __init__(self) -> None:
        super().__init__()
        self.companion = None

    def _apply(self, fn: Any, recurse: bool = True) -> "Accompanied":
        """Move the companion too."""
        if self.companion is not None:
            self.companion.model._apply(fn, recurse)
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]


Model = TypeVar("Model", bound=Accompanied)


@dataclass(frozen=True, eq=False)
class Companion(Generic[Model]):
    """Another model of the package, and how much its opinion counts."""

    name: str
    """Of the captioner whose eyes it has, such as "small"."""
    share: float
    """Of its opinion in the pool, between 0 and 1; the rest is the first model's."""
    model: Model

    @classmethod
    def called(cls, name: str, share: float, load: Callable[[str], Model]) -> "Companion[Model]":
        """Load a companion, which has none itself.

        Args:
            name: of the companion.
            share: of its opinion.
            load: gives the model of a name of the package.

        Raises:
            ModelError: there is no such model, or the share is none.
        """
        if name not in CAPTIONERS:
            known = " or ".join(CAPTIONERS)
            raise ModelError(f"a companion is a model of the package, {known}, not {name!r}")
        if not 0 < share < 1:
            raise ModelError(f"the share of a companion lies between 0 and 1, got {share}")
        model = load(name)
        model.companion = None
        return cls(name, share, model)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for the config of the model that it is beside."""
        return {"name": self.name, "share": self.share}

    def sees(self, features: ImageFeatures) -> Float[Tensor, "image position feature"]:
        """Return the features that it writes from.

        Raises:
            FeatureStoreError: only the model that it is beside has looked.
        """
        if features.beside is None:
            raise FeatureStoreError(
                f"these features lack what {self.name} sees, which has a say too; encode the "
                "images with this model"
            )
        return features.beside

    def pool(
        self, own: Float[Tensor, "*row outcome"], other: Float[Tensor, "*row outcome"]
    ) -> Float[Tensor, "*row outcome"]:
        """Return the log-probabilities of two opinions in one.

        Args:
            own: scores of the model that it is beside, of which only the differences count:
                log-probabilities, or what a softmax makes them of.
            other: its own.
        """
        return own.lerp(other, self.share).log_softmax(dim=-1)


@contextmanager
def asked_for_in(directory: Path) -> Iterator[None]:
    """Name the config of a model directory in what is wrong with the companion it asks for.

    Raises:
        ModelError: it asks for none that can be one.
    """
    try:
        yield
    except (KeyError, TypeError, ModelError) as error:
        raise ModelError(f"{directory / 'config.json'}: companion: {error}") from None


def captioner_beside(
    model: "CaptionModel", name: str, share: float, load: "Callable[[str], CaptionModel]"
) -> "Companion[CaptionModel]":
    """Load a companion for a captioner.

    Args:
        model: that it is to help.
        name: of the companion.
        share: of its opinion.
        load: gives the captioner of a name of the package.

    Raises:
        ModelError: there is no such captioner, it knows other words or sees pictures that are
            prepared in another way, or the share is none.
    """
    companion = Companion.called(name, share, load)
    other = companion.model
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
    return companion


def joining(
    companion: "Companion[CaptionModel]",
    own: StepFunction[Any],
    state: DecoderState,
    features: Float[Tensor, "image position feature"],
    styles: Int[Tensor, " row"],
    concepts: Concepts | None,
) -> "tuple[StepFunction[Together], Together]":
    """Return the steps that a captioner and its companion take together, and the first state.

    Where both attend to as many places, they are said to look where they look in the mean.

    Args:
        companion: of the captioner.
        own: steps of the captioner.
        state: of the captioner before the first word.
        features: what the companion sees.
        styles: the way of captioning in each row.
        concepts: what both are told of each image; if nothing, what it recognises itself.
    """
    other, share = companion.model, companion.share

    def step(words: Int[Tensor, " row"], state: Together) -> Step[Together]:
        first, second = own(words, state.own), other.step(words, state.other)
        trace = first.trace
        if trace is not None and second.trace is not None and trace.shape == second.trace.shape:
            trace = trace.lerp(second.trace, share)
        log_probs = companion.pool(first.log_probs, second.log_probs)
        return Step(log_probs, Together(first.state, second.state), trace)

    return step, Together(state, other.start(features, styles=styles, concepts=concepts))


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
