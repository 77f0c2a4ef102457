"""Captions for people: an image in, a sentence out, with where the model looked for every word."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import overload

import numpy as np
import torch
from accelerate import PartialState
from jaxtyping import Float
from torch import Tensor

from caption.errors import ImageError, ModelError
from caption.files.paths import ImageFile, list_images
from caption.models.captioner import CaptionModel
from caption.models.directory import DEFAULT_CAPTIONER, push_to_hub
from caption.networks.attention import attention_entropy
from caption.search.config import SearchConfig
from caption.search.steps import Hypothesis
from caption.vision.extract import FeatureExtractor
from caption.vision.features import ImageFeatures
from caption.vision.image import ImageSource

READERS = 2
"""Threads that decode files while the model works; decoding leaves Python's lock alone."""


@dataclass(frozen=True, eq=False)
class Caption:
    """A sentence about an image, and why."""

    text: str
    """The sentence, for people."""
    words: tuple[str, ...]
    """What the model wrote, one unit of its vocabulary each."""
    log_probs: tuple[float, ...]
    """Natural logarithm of the probability that the model gave each word."""
    trace: Float[np.ndarray, "word row column"] | None
    """The attention, where the model's decoder has one."""
    score: float
    """What captions of the image are ranked by; higher is better."""
    alternatives: tuple["Caption", ...] = ()
    """The next best captions, best first."""

    def __str__(self) -> str:
        return self.text

    @property
    def has_attention(self) -> bool:
        """Whether the model says where it looked."""
        return self.trace is not None

    @property
    def attention(self) -> Float[np.ndarray, "word row column"]:
        """Where it looked for each word: weights over the grid, which sum to 1.

        Raises:
            ModelError: the model's decoder does not attend to places.
        """
        if self.trace is None:
            raise ModelError(
                "this model's decoder does not say where it looks, so there is no attention to "
                "show; use a model whose decoder attends, such as the default one"
            )
        return self.trace

    @property
    def attention_entropy(self) -> Float[np.ndarray, " word"]:
        """How spread the attention was for each word, in nats, as `attention_entropy` says it."""
        return attention_entropy(torch.from_numpy(self.attention).flatten(1)).numpy()

    @property
    def attention_spread(self) -> Float[np.ndarray, " word"]:
        """The entropy as a share of the most there could be: 1 is flat and says nothing."""
        most = math.log(math.prod(self.attention.shape[1:]))
        return self.attention_entropy / most if most else np.ones(len(self.words))


@dataclass(frozen=True, eq=False)
class DescribedFile:
    """What became of one file: a caption or the reason why not."""

    source: ImageFile
    caption: Caption | None
    error: str | None


class Captioner:
    """Captions images with a trained model.

    >>> from caption import Captioner
    >>> Captioner.from_pretrained()("photo.jpg").text  # doctest: +SKIP
    """

    def __init__(self, model: CaptionModel, *, search: SearchConfig | None = None) -> None:
        self.model = model.eval()
        self.search = search or SearchConfig()
        self.extract = FeatureExtractor(self.model.encoder)
        self.encoder_id = self.extract.encoder_id

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path | None = None,
        *,
        search: SearchConfig | None = None,
        device: str | torch.device | None = None,
    ) -> "Captioner":
        """Load a captioner.

        Args:
            source: model directory, or hub id to download; by default the model of this package.
            search: how captions are searched for.
            device: where to run, such as 'cpu' or 'cuda:1'; by default the best that is there.

        Raises:
            ModelError: the model is missing, damaged or of another format.
        """
        model = CaptionModel.from_pretrained(source or DEFAULT_CAPTIONER)
        return cls(model.to(device or PartialState().device), search=search)

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
        self, features: ImageFeatures, *, search: SearchConfig | None = None, seed: int = 0
    ) -> list[Caption]:
        """Write a caption for each image of a batch of features.

        Args:
            features: as `encode` returned them.
            search: how to search, if not as the captioner does by default.
            seed: for sampling; each image of the batch has its own, counted up from this one.

        Raises:
            FeatureStoreError: the features are another encoder's.
        """
        self.extract.check(features)
        grid = features.grid.to(self.model.device)
        seeds = range(seed, seed + len(features))
        found = self.model.write(grid, search or self.search, seeds=seeds)
        return [self._caption(hypotheses, features.grid_size) for hypotheses in found]

    def describe_folder(self, folder: str | Path) -> list[DescribedFile]:
        """Caption every picture in a folder and its sub-folders, by name.

        What cannot be read becomes an error row.

        Raises:
            ImageError: there is no such folder.
        """
        return list(self.describe_files(list_images(folder)))

    def describe_files(
        self, files: Iterable[ImageFile], *, batch_images: int = 64
    ) -> Iterator[DescribedFile]:
        """Caption any number of files in a stream, decoding ahead of the model.

        What cannot be read becomes an error row; memory does not grow with the number of files.
        """
        with ThreadPoolExecutor(READERS) as pool:
            waiting: deque[tuple[ImageFile, Future[Tensor | str]]] = deque()
            names = iter(files)
            while True:
                for file in islice(names, 2 * batch_images - len(waiting)):
                    waiting.append((file, pool.submit(self._read, file)))
                if not waiting:
                    return
                count = min(batch_images, len(waiting))
                yield from self._describe_read([waiting.popleft() for _ in range(count)])

    def save_pretrained(
        self, directory: str | Path, *, card: str, dtype: torch.dtype = torch.float32
    ) -> None:
        """Write a model directory that `from_pretrained` reads.

        Args:
            directory: where to; a model that is there already is replaced.
            card: text of the model card.
            dtype: type of the weights on disk; float16 halves the size.
        """
        self.model.save_pretrained(directory, card=card, dtype=dtype)

    def push_to_hub(self, repo_id: str, *, card: str, private: bool = False) -> str:
        """Upload the model to the hub under 'owner/name' and return its address there."""
        with TemporaryDirectory() as directory:
            self.save_pretrained(Path(directory) / "model", card=card)
            return push_to_hub(Path(directory) / "model", repo_id, private=private)

    def _read(self, file: ImageFile) -> Tensor | str:
        """Return the pixels of a file, or why there are none.

        The reason and not the error: kept by its future, an error would hold on to the frames that
        it passed through, and with them to the pixels of the whole batch.
        """
        try:
            return self.extract.read(file)
        except ImageError as error:
            return str(error)

    def _describe_read(
        self, files: list[tuple[ImageFile, Future[Tensor | str]]]
    ) -> Iterator[DescribedFile]:
        pixels: list[Tensor] = []
        rows: list[DescribedFile] = []
        for file, future in files:
            found = future.result()
            if isinstance(found, str):
                rows.append(DescribedFile(file, None, found))
            else:
                pixels.append(found)
                rows.append(DescribedFile(file, None, None))
        # In place of the unreadable the last picture is captioned again: batches of ever other
        # sizes need ever other buffers, and memory would grow with the number of broken files.
        pixels += pixels[-1:] * (len(files) - len(pixels))
        captions = iter(
            self.describe(self.extract.encode_pixels(torch.stack(pixels))) if pixels else ()
        )
        for row in rows:
            yield row if row.error else replace(row, caption=next(captions))

    def _caption(self, hypotheses: Sequence[Hypothesis], grid_size: tuple[int, int]) -> Caption:
        best, *others = [self._single(hypothesis, grid_size) for hypothesis in hypotheses]
        return replace(best, alternatives=tuple(others))

    def _single(self, hypothesis: Hypothesis, grid_size: tuple[int, int]) -> Caption:
        words = hypothesis.words
        return Caption(
            text=self.model.vocabulary.decode(words),
            words=self.model.vocabulary.words(words),
            log_probs=hypothesis.log_probs[: len(words)],
            trace=None
            if hypothesis.trace is None
            else hypothesis.trace.reshape(len(words), *grid_size).numpy(),
            score=hypothesis.score,
        )
