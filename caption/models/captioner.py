"""Encoder, decoder and vocabulary as one model, and that model on disk."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from caption.errors import ModelError
from caption.models.companion import Accompanied, joining
from caption.models.confidence import Confidence
from caption.models.directory import locate_model
from caption.models.languages import in_language
from caption.models.saving import load_model, save_whole
from caption.models.steering import Muted, muted
from caption.networks.concepts import Concepts
from caption.networks.config import DecoderConfig
from caption.networks.decoder import Decoder, DecoderState, ScoresSome, build_decoder
from caption.search.config import SearchConfig
from caption.search.methods import search
from caption.search.required import WordSets
from caption.search.rounds import Listener
from caption.search.steps import Hypothesis, SpecialIds, Step, StepFunction
from caption.search.worth import Worth
from caption.text.endings import BAD_ENDINGS
from caption.text.vocabulary import Vocabulary
from caption.vision.concepts import ConceptHead
from caption.vision.config import ConceptConfig, EncoderConfig
from caption.vision.encoder import ImageEncoder


class CaptionModel(Accompanied):
    """The whole captioner: pixels or features in, scores of words out."""

    def __init__(
        self,
        encoder: EncoderConfig | ImageEncoder,
        decoder: DecoderConfig,
        vocabulary: Vocabulary,
        concepts: ConceptConfig | None = None,
        concept_words: Sequence[str] = (),
    ) -> None:
        """Make a model with random weights.

        Args:
            encoder: what looks; one that is there already is shared.
            decoder: what writes.
            vocabulary: what it writes with.
            concepts: how words are recognised in the picture, if any are.
            concept_words: these words, which the vocabulary has too.

        Raises:
            ModelError: the decoder reads concepts, and none are recognised; or one of them is no
                word of the vocabulary.
        """
        super().__init__()
        self.vocabulary = vocabulary
        self.confidence: Confidence | None = None
        """What is expected of its captions; training makes it untrue."""
        self.encoder = encoder if isinstance(encoder, ImageEncoder) else ImageEncoder(encoder)
        self.decoder: Decoder[Any] = build_decoder(
            decoder, feature_dim=self.encoder.feature_dim, vocabulary_size=len(vocabulary)
        )
        self.concepts: ConceptHead | None = None
        if concepts is not None and concepts.keep:
            ids = vocabulary.ids_of(concept_words)
            self.concept_ids = nn.Buffer(torch.tensor(ids, device="cpu"), persistent=False)
            self.concepts = ConceptHead(
                concepts, concept_words, feature_dim=self.encoder.feature_dim
            )
        elif decoder.concepts:
            raise ModelError("the decoder reads concepts, but none are recognised; set their keep")

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return next(self.parameters()).device

    def forward(
        self,
        images: Float[Tensor, "image ..."],
        words: Int[Tensor, "row length"],
        styles: Int[Tensor, " row"] | None = None,
        concepts: Concepts | None = None,
    ) -> tuple[Float[Tensor, "row length vocabulary"], Float[Tensor, "row length position"] | None]:
        """Score every next word of some captions of each image, and say where the decoder looked.

        Args:
            images: pixels [image, channel, row, column] or features [image, position, feature].
            words: what the decoder reads, captions of an image side by side.
            styles: the way of captioning in each row; by default the model's own.
            concepts: what a decoder that reads them is told; by default what is recognised.
        """
        features = self.features_of(images)
        return self.decoder(words, features, styles, **self._also_read(features, concepts))

    def scores_at(
        self,
        mask: Bool[Tensor, "row length"],
        images: Float[Tensor, "image ..."],
        words: Int[Tensor, "row length"],
        styles: Int[Tensor, " row"] | None = None,
    ) -> tuple[Float[Tensor, "word vocabulary"], Float[Tensor, "row length position"] | None]:
        """Score the next word only where the mask is True; other arguments as for a call.

        Decoders that cannot do with less work score all.
        """
        features = self.features_of(images)
        also = self._also_read(features)
        if isinstance(self.decoder, ScoresSome):
            return self.decoder.scores_at(mask, words, features, styles, **also)
        scores, weights = self.decoder(words, features, styles, **also)
        return scores[mask], weights

    def scores_from(
        self,
        mask: Bool[Tensor, "row length"],
        words: Int[Tensor, "row length"],
        concepts: Concepts,
    ) -> tuple[Float[Tensor, "word vocabulary"], Float[Tensor, "row length position"] | None]:
        """Score the next word, where the mask is True, of captions of pictures that are not here.

        Args:
            mask: which words to score.
            words: what the decoder reads.
            concepts: what might have been recognised in each picture.

        Raises:
            ModelError: the decoder cannot write from concepts alone.
        """
        if not (self.decoder.config.concepts and isinstance(self.decoder, ScoresSome)):
            raise ModelError(
                f"the decoder {self.decoder.config.kind!r} does not read concepts, from which "
                "captions without pictures are written; set decoder.concepts"
            )
        return self.decoder.scores_at(mask, words, None, None, concepts)

    def start(
        self,
        features: Float[Tensor, "image position feature"],
        *,
        captions_per_image: int = 1,
        styles: Int[Tensor, " row"] | None = None,
        concepts: Concepts | None = None,
    ) -> DecoderState:
        """Return the decoder's state before the first word.

        Args:
            features: of the images.
            captions_per_image: rows for each of them, side by side.
            styles: the way of captioning in each row; by default the model's own.
            concepts: what a decoder that reads them is told of each image; by default what the
                model recognises in it.
        """
        state: DecoderState = self.decoder.start(
            features,
            captions_per_image=captions_per_image,
            styles=styles,
            **self._also_read(features, concepts),
        )
        return state

    def _also_read(
        self,
        features: Float[Tensor, "image position feature"],
        concepts: Concepts | None = None,
    ) -> dict[str, Concepts]:
        """Return what the decoder reads beside the features: nothing, for most kinds."""
        if not self.decoder.config.concepts:
            return {}
        return {"concepts": self.recognised(features) if concepts is None else concepts}

    @torch.no_grad()
    def recognised(self, features: Float[Tensor, "image position feature"]) -> Concepts:
        """Return the likeliest words of each image, as many as are kept.

        No gradient goes back from captions to what was recognised: it would teach the words to mean
        what helps to write, and people could neither read nor correct them.
        """
        return self.kept(self.head(features))

    @property
    def head(self) -> ConceptHead:
        """What recognises words.

        Raises:
            ModelError: nothing does.
        """
        if self.concepts is None:
            raise ModelError(
                "this model recognises no concepts; use one that was trained with them, such as "
                "the default one"
            )
        return self.concepts

    def kept(self, probabilities: Float[Tensor, "image word"]) -> Concepts:
        """Return the likeliest words, as many as are kept, given how probable each is."""
        config = self.head.config
        kept, places = probabilities.topk(min(config.keep, probabilities.shape[1]))
        return Concepts(self.concept_ids[places], kept.masked_fill(kept < config.threshold, 0.0))

    def features_of(
        self, images: Float[Tensor, "image ..."]
    ) -> Float[Tensor, "image position feature"]:
        """Return features of pixels [image, channel, row, column]; features stay as they are."""
        return self.encoder(images) if images.ndim == 4 else images

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile the encoder's network and the decoder's parts of several layers.

        The recurrence itself stays Python: compiled as a whole it would be unrolled, and compiled
        again for every length of captions, while what a step calls keeps its shapes.

        Args:
            args: as `torch.nn.Module.compile` takes them.
            options: likewise.
        """
        self.encoder.network.compile(*args, **options)
        for part in self.get_submodule("decoder").children():
            if any(part.children()):
                part.compile(*args, **options)

    @torch.inference_mode()
    def write(
        self,
        features: Float[Tensor, "image position feature"],
        config: SearchConfig,
        *,
        seeds: Sequence[int] | None = None,
        concepts: Concepts | None = None,
        required: Sequence[WordSets] | None = None,
        banned: Bool[Tensor, "image vocabulary"] | None = None,
        listen: Listener | None = None,
        beside: Float[Tensor, "image place seen"] | None = None,
    ) -> list[list[Hypothesis]]:
        """Search captions for each image, best first.

        Args:
            features: of the images.
            config: how to search.
            seeds: one for each image, for sampling.
            concepts: what is in each image; by default what the model recognises there.
            required: for each image the sets of words of which a caption must have one each, beside
                those of `config.must_say`.
            banned: words that an image's captions may not have.
            listen: is told of every round of beam search.
            beside: what the companion sees, if it is to write too.

        Raises:
            ModelError: the model has no such style, or cannot write what it must say.
        """
        said = self._word_sets(config.must_say)
        units = self.vocabulary.units_per_word
        styles = torch.full((len(features),), self.style_id(config.style), device=self.device)
        config = replace(
            config,
            max_length=config.max_length * units,
            min_length=config.min_length * units,
            no_repeat_ngram=config.no_repeat_ngram * units,
        )
        if concepts is None and self.concepts is not None:
            concepts = self.recognised(features)
        step: StepFunction[Any] = self.step
        state: Any = self.start(features, styles=styles, concepts=concepts)
        if beside is not None and self.companion is not None:
            step, state = joining(self.companion, step, state, beside, styles, concepts)
        return search(
            step if banned is None else muted(step),
            state if banned is None else Muted(state, banned),
            num_images=len(features),
            device=self.device,
            ids=self.special_ids,
            config=config,
            seeds=seeds,
            required=[(*said, *sets) for sets in required or [()] * len(features)],
            worth=self._worth(concepts, config.agreement),
            bad_ending_ids=self.bad_ending_ids,
            listen=listen,
        )

    def step(self, words: Int[Tensor, " row"], state: DecoderState) -> Step[DecoderState]:
        """Read a word of each row; return what is known of the next, as search asks for it."""
        scores, state, trace = self.decoder.step(words, state)
        return Step(scores.log_softmax(dim=-1), state, trace)

    def _worth(self, concepts: Concepts | None, agreement: float) -> Worth | None:
        """Return what naming each word is worth in each image, given how much agreement counts."""
        if concepts is None or not agreement:
            return None
        nothing = concepts.probabilities.new_zeros(len(concepts.words), len(self.vocabulary))
        return nothing.scatter_reduce(
            1, concepts.words, agreement * concepts.probabilities, reduce="amax"
        )

    def check(self, config: SearchConfig) -> None:
        """Check a search before there are images.

        Raises:
            ModelError: the model has no such style, or cannot write what it must say.
        """
        self.style_id(config.style)
        self._word_sets(config.must_say)

    def _word_sets(self, must_say: Sequence[str]) -> list[frozenset[int]]:
        """Return the sets of words that `SearchConfig.must_say` names."""
        if must_say and self.vocabulary.unit == "char":
            raise ModelError(
                "must_say asks for words, and this model writes character by character; use a "
                "model of words"
            )
        return [frozenset(self.vocabulary.ids_of(words.split("|"))) for words in must_say]

    @property
    def special_ids(self) -> SpecialIds:
        """What search must know of the vocabulary."""
        v = self.vocabulary
        return SpecialIds(start=v.start_id, end=v.end_id, pad=v.pad_id, unknown=v.unknown_id)

    def style_id(self, style: str) -> int:
        """Return the number of a way of captioning; "" is the model's own.

        Raises:
            ModelError: the model has no such style.
        """
        styles = ("", *self.decoder.config.styles)
        if style not in styles:
            known = ", ".join(map(repr, styles[1:])) or "none but its own"
            raise ModelError(f"the model has no style {style!r}; it has {known}")
        return styles.index(style)

    @property
    def bad_ending_ids(self) -> frozenset[int]:
        """Words that no caption should end with, as far as the vocabulary has them."""
        if self.vocabulary.unit == "char" or not self.vocabulary.language.is_english:
            return frozenset()  # an "a" may well be the end of a word
        ids = map(self.vocabulary.id_of, BAD_ENDINGS)
        return frozenset(ids) - {self.vocabulary.unknown_id}

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that stand for all that its captions depend on."""
        digest = hashlib.sha256(json.dumps(self.vocabulary.to_json(), sort_keys=True).encode())
        if self.concepts is not None:
            digest.update(json.dumps(self.concepts.words).encode())
        if self.confidence is not None:
            digest.update(json.dumps(self.confidence.to_json()).encode())
        if self.companion is not None:
            digest.update(f"{self.companion.model.fingerprint()} {self.companion.share}".encode())
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def save_pretrained(
        self, directory: Path | str, *, card: str, dtype: torch.dtype = torch.float32
    ) -> None:
        """Write the model directory; it appears under its name when it is complete.

        Args:
            directory: where to; a model that is there already is replaced.
            card: text of the model card.
            dtype: type of the weights on disk; float16 halves the size, int8 quarters it.
        """
        save_whole(self, Path(directory), card=card, dtype=dtype)

    @classmethod
    def from_pretrained(
        cls,
        source: Path | str,
        *,
        language: str | None = None,
        encoder: ImageEncoder | None = None,
    ) -> "CaptionModel":
        """Load a model directory, or download one by its hub id ('owner/name').

        Args:
            source: model directory, hub id or name of a model of the package.
            language: code of the language that it is to write, such as "de"; by default its own.
            encoder: the model's own, if it is loaded already, to share it.

        Raises:
            ModelError: it is not there, of another format, damaged or inconsistent, or has not
                learnt the language.
        """
        directory = locate_model(source)
        if language is not None:
            directory = in_language(directory, language)
        return load_model(directory, cls, encoder=encoder)
