"""Captions for people: an image in, a sentence out, with where the model looked for every word."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import overload

import torch
from accelerate import PartialState
from jaxtyping import Float
from torch import Tensor

from caption.errors import ModelError
from caption.files.paths import ImageFile, list_images
from caption.models.caption import Caption
from caption.models.captioner import CaptionModel
from caption.models.companion import eyes_of
from caption.models.confidence import Trust, caption_clues
from caption.models.directory import DEFAULT_CAPTIONER, locate_model, push_to_hub
from caption.models.languages import languages_of
from caption.models.quick import quickened
from caption.models.steering import Corrections, Steering, steered
from caption.models.stream import DescribedFile, Glance, described_files
from caption.networks.concepts import Concepts
from caption.search.config import SearchConfig
from caption.search.rounds import Listener
from caption.search.steps import Hypothesis
from caption.text.language import Language
from caption.vision.extract import FeatureExtractor
from caption.vision.features import ImageFeatures
from caption.vision.image import ImageSource

__all__ = ["Caption", "Captioner", "DescribedFile"]

NEXT_TO_NOTHING = 1e-12
"""Attention to the whole grid that is as good as none."""


class Captioner:
    """Captions images with a trained model.

    >>> from caption import Captioner
    >>> Captioner.from_pretrained()("photo.jpg").text  # doctest: +SKIP
    """

    def __init__(
        self,
        model: CaptionModel,
        *,
        search: SearchConfig | None = None,
        extract: FeatureExtractor | None = None,
        directory: Path | None = None,
    ) -> None:
        """Caption with a model.

        Args:
            model: writes.
            search: how captions are searched for.
            extract: what looks, if others look with it too.
            directory: that the model lies in, with those that write other languages.
        """
        self.model, self.directory = model.eval(), directory
        self.search = search or SearchConfig()
        self.model.check(self.search)
        self.extract = extract or eyes_of(self.model)
        self.encoder_id = self.extract.encoder_id
        self._family = {self.language.code: self}
        """All that look with the same eyes, by the language that they write; loaded when asked."""

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        language: str | None = None,
        search: SearchConfig | None = None,
        device: str | torch.device | None = None,
    ) -> "Captioner":
        """Load a captioner.

        Args:
            source: model directory, or hub id to download; by default the model of this package.
            language: code of the language that it is to write, such as "de"; by default its own.
            search: how captions are searched for.
            device: where to run, such as 'cpu' or 'cuda:1'; by default the best that is there.

        Raises:
            ModelError: the model is missing, damaged or of another format, or has not learnt the
                language.
        """
        directory = locate_model(source or DEFAULT_CAPTIONER)
        model = CaptionModel.from_pretrained(directory, language=language)
        model = model.to(device or PartialState().device)
        return cls(model, search=search, directory=directory)

    @cached_property
    def _writer(self) -> CaptionModel:
        """What writes: the model, which is not trained while it is used."""
        return quickened(self.model)

    @property
    def language(self) -> Language:
        """The language of its captions."""
        return self.model.vocabulary.language

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages in which photos can be described with its eyes; its own first."""
        own = self.language.code
        others = languages_of(self.directory) if self.directory is not None else ()
        return (own, *(code for code in others if code != own))

    def in_language(self, code: str) -> "Captioner":
        """Return a captioner that writes another language and looks with the same eyes.

        Features that one of them has encoded are for all of them.

        Args:
            code: of the language, one of `languages`.

        Raises:
            ModelError: it has not learnt the language.
        """
        if code in self._family:
            return self._family[code]
        if self.directory is None:
            raise ModelError(
                f"this captioner writes {self.language}, and was made without a directory in which "
                f"{code!r} could be found; load it with from_pretrained"
            )
        model = CaptionModel.from_pretrained(
            self.directory, language=code, encoder=self.model.encoder
        )
        model = model.to(self.model.device)
        if model.companion is not None:
            self.extract.look_beside(model.companion.model.encoder)
        other = Captioner(
            model,
            search=self.search,
            extract=self.extract,
            directory=self.directory,
        )
        other._family = self._family
        self._family[code] = other
        return other

    @property
    def reads_concepts(self) -> bool:
        """Whether captions are written from recognised words, which people may correct."""
        return self.model.decoder.config.concepts

    # A str is a sequence of str as well; the first signature that fits is taken, and it is right.
    @overload
    def __call__(self, source: ImageSource) -> Caption: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, source: Sequence[ImageSource]) -> list[Caption]: ...

    def __call__(
        self, source: ImageSource | Sequence[ImageSource]
    ) -> Caption | list[Caption] | list[DescribedFile]:
        """Caption an image, a list of images or a folder.

        No type tells the path of a folder from that of a file, and type checkers take it for a
        file's: `describe_folder` says what it returns.

        Args:
            source: a path, bytes, a PIL image or an array; a list of these; or a folder.

        Returns:
            One caption; a list of captions in the order of the images; or, for a folder, what
            became of every image file in it.

        Raises:
            ImageError: an image cannot be read. In a folder it becomes an error row instead.
        """
        if isinstance(source, str | Path) and Path(source).is_dir():
            return self.describe_folder(source)
        if isinstance(source, Sequence) and not isinstance(source, str | bytes):
            return self.describe(self.encode(source)) if source else []
        return self.describe(self.encode(source))[0]

    def encode(self, images: ImageSource | Sequence[ImageSource]) -> ImageFeatures:
        """Look at one image or some; captions and answers can then be had without looking again.

        Args:
            images: a path, bytes, a PIL image or an array; or a list of these.

        Raises:
            ImageError: one of them cannot be read.
        """
        if isinstance(images, Sequence) and not isinstance(images, str | bytes):
            return self.extract(images)
        return self.extract([images])

    def describe(
        self,
        features: ImageFeatures,
        *,
        search: SearchConfig | None = None,
        seed: int = 0,
        concepts: Corrections | Sequence[Corrections] | None = None,
        listen: Listener | None = None,
    ) -> list[Caption]:
        """Write a caption for each image of a batch of features.

        Args:
            features: as `encode` returned them.
            search: how to search, if not as the captioner does by default.
            seed: for sampling; each image of the batch has its own, counted up from this one.
            concepts: what people know better than the model, for all images or one after the other:
                {"cat": 1.0, "dog": 0} for a caption that names a cat and no dog. Any words of the
                vocabulary, with probabilities; others count as they were recognised.
            listen: is told of every round of beam search.

        Raises:
            FeatureStoreError: the features are another encoder's, or lack what the companion sees.
            ModelError: a concept is no word that the model knows, or it reads none.
            DataError: a probability is not one, or more is certain than a caption can promise.
        """
        self.extract.check(features)
        companion = self.model.companion
        beside = None if companion is None else companion.sees(features).to(self.model.device)
        search = search or self.search
        told = self._told(features, concepts)
        if told is not None:
            told.check_promised(search)
        found = self._writer.write(
            features.grid.to(self.model.device),
            search,
            seeds=range(seed, seed + len(features)),
            concepts=None if told is None else told.concepts,
            required=None if told is None else told.required,
            banned=None if told is None else told.banned,
            listen=listen,
            beside=beside,
        )
        rows = [()] * len(found) if told is None else self._named(told.concepts)
        return [
            self._caption(hypotheses, features.grid_size, row)
            for hypotheses, row in zip(found, rows, strict=True)
        ]

    def recognise(self, features: ImageFeatures) -> list[dict[str, float]]:
        """Return the words that are recognised in each image, with probabilities, best first.

        Raises:
            FeatureStoreError: the features are another encoder's.
            ModelError: the model recognises none.
        """
        self.extract.check(features)
        return [dict(row) for row in self._named(self.model.kept(self._probabilities(features)))]

    def check_concepts(self, concepts: Corrections) -> None:
        """Check corrections before there are images.

        Raises:
            ModelError: as `describe` does.
            DataError: likewise.
        """
        head, vocabulary = self.model.head, self.model.vocabulary
        told = steered(
            torch.zeros(1, len(head.words)), [concepts], head=head, vocabulary=vocabulary
        )
        told.check_promised(self.search)

    def describe_folder(self, folder: str | Path) -> list[DescribedFile]:
        """Caption every picture in a folder and its sub-folders, by name.

        What cannot be read becomes an error row.

        Raises:
            ImageError: there is no such folder.
        """
        return list(self.describe_files(list_images(folder)))

    def describe_files(
        self,
        files: Iterable[ImageFile],
        *,
        batch_images: int = 64,
        concepts: Corrections | None = None,
        others: Sequence["Captioner"] = (),
        glance: Glance | None = None,
    ) -> Iterator[DescribedFile]:
        """Caption any number of files in a stream, decoding ahead of the model.

        What cannot be read becomes an error row; memory does not grow with the number of files.

        Args:
            files: to caption.
            batch_images: files that are captioned at once.
            concepts: what people know better than the model of all files, see `describe`.
            others: of `in_language`, which describe every file too, from the one look at it.
            glance: sees the pictures pass by, so that nobody has to decode them again.
        """
        writers = (self, *others)

        def describe(features: ImageFeatures) -> Iterator[tuple[Caption, ...]]:
            return zip(*(w.describe(features, concepts=concepts) for w in writers), strict=True)

        return described_files(
            files, self.extract, describe, batch_images=batch_images, glance=glance
        )

    def save_pretrained(
        self, directory: str | Path, *, card: str, dtype: torch.dtype = torch.float32
    ) -> None:
        """Write a model directory that `from_pretrained` reads.

        Args:
            directory: where to; a model that is there already is replaced.
            card: text of the model card.
            dtype: type of the weights on disk; float16 halves the size, int8 quarters it.
        """
        self.model.save_pretrained(directory, card=card, dtype=dtype)

    def push_to_hub(self, repo_id: str, *, card: str, private: bool = False) -> str:
        """Upload the model to the hub under 'owner/name' and return its address there."""
        with TemporaryDirectory() as directory:
            self.save_pretrained(Path(directory) / "model", card=card)
            return push_to_hub(Path(directory) / "model", repo_id, private=private)

    @torch.inference_mode()
    def _probabilities(self, features: ImageFeatures) -> Float[Tensor, "image word"]:
        """Return how probable each word is that the model recognises."""
        seen, head = features.concepts, self.model.head
        if seen is not None and seen.words == head.words:
            return seen.probabilities.to(self.model.device)
        return head(features.grid.to(self.model.device))

    def _told(
        self, features: ImageFeatures, concepts: Corrections | Sequence[Corrections] | None
    ) -> Steering | None:
        """Return what the captions are to be written from beside the grid, if anything."""
        if concepts is None or isinstance(concepts, Mapping):
            concepts = [concepts or {}] * len(features)
        if not any(concepts):
            if not self.reads_concepts:
                return None
            return Steering(self.model.kept(self._probabilities(features)), [()] * len(features))
        if len(concepts) != len(features):
            raise ValueError(
                f"pass concepts for each of the {len(features)} images, got {len(concepts)}"
            )
        probabilities, head = self._probabilities(features), self.model.head
        return steered(probabilities, concepts, head=head, vocabulary=self.model.vocabulary)

    def _named(self, concepts: Concepts) -> list[tuple[tuple[str, float], ...]]:
        """Return concepts as words, for people; those that are none are left out."""
        pairs = zip(concepts.words.tolist(), concepts.probabilities.tolist(), strict=True)
        vocabulary = self.model.vocabulary
        return [
            tuple((vocabulary[word], p) for word, p in zip(*row, strict=True) if p > 0)
            for row in pairs
        ]

    def _caption(
        self,
        hypotheses: Sequence[Hypothesis],
        grid_size: tuple[int, int],
        concepts: tuple[tuple[str, float], ...],
    ) -> Caption:
        best, *others = [self._single(found, grid_size, concepts) for found in hypotheses]
        trust = Trust.of(self.model.confidence, best.clues)
        return replace(best, alternatives=tuple(others), **trust._asdict())

    def _single(
        self,
        hypothesis: Hypothesis,
        grid_size: tuple[int, int],
        concepts: tuple[tuple[str, float], ...],
    ) -> Caption:
        words, trace, concept_trace = hypothesis.words, None, None
        if hypothesis.trace is not None:
            num_places = math.prod(grid_size)
            places = hypothesis.trace[:, :num_places]
            if self.model.decoder.config.concepts:
                concept_trace = hypothesis.trace[:, num_places:][:, : len(concepts)].numpy()
                places = places / places.sum(dim=1, keepdim=True).clamp(min=NEXT_TO_NOTHING)
            trace = places.reshape(len(words), *grid_size).numpy()
        return Caption(
            text=self.model.vocabulary.decode(words),
            words=self.model.vocabulary.words(words),
            language=self.language,
            spelling=self.model.vocabulary.written(self.model.vocabulary.words(words)),
            log_probs=hypothesis.log_probs[: len(words)],
            trace=trace,
            score=hypothesis.score,
            concepts=concepts,
            concept_trace=concept_trace,
            clues=caption_clues(self.model.vocabulary.words(words), hypothesis.log_probs, concepts),
        )
