"""Encoder, decoder and vocabulary as one model, and that model on disk.

A model directory holds `config.json`, `model.safetensors` and `README.md`, the model card. The
config says everything that is needed to build the model and to prove that the weights are its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor, nn

from caption.config import DecoderConfig, SearchConfig
from caption.decoder import AttentionDecoder, DecoderState
from caption.errors import ModelError
from caption.files import replaced_directory, sha256, write_json
from caption.search import BAD_ENDINGS, Hypothesis, SpecialIds, Step, search
from caption.text.vocabulary import Vocabulary
from caption.vision.config import EncoderConfig, PreprocessConfig
from caption.vision.encoder import ImageEncoder, read_tensors

FORMAT_VERSION = 1
KIND = "caption"


class CaptionModel(nn.Module):
    """The whole captioner: pixels or features in, scores of words out."""

    def __init__(
        self, encoder: EncoderConfig, decoder: DecoderConfig, vocabulary: Vocabulary
    ) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.encoder = ImageEncoder(encoder)
        self.decoder = AttentionDecoder(
            decoder, feature_dim=self.encoder.feature_dim, vocabulary_size=len(vocabulary)
        )

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.decoder.output_words.weight.device

    def forward(
        self, images: Float[Tensor, "image ..."], words: Int[Tensor, "row length"]
    ) -> tuple[Float[Tensor, "row length vocabulary"], Float[Tensor, "row length position"]]:
        """Score every next word of some captions of each image.

        Args:
            images: pixels [image, channel, row, column] or features [image, position, feature].
            words: what the decoder reads, captions of an image side by side.
        """
        return self.decoder(words, self.encoder(images) if images.ndim == 4 else images)

    @torch.inference_mode()
    def write(
        self,
        features: Float[Tensor, "image position feature"],
        config: SearchConfig,
        *,
        seeds: Sequence[int] | None = None,
    ) -> list[list[Hypothesis]]:
        """Search captions for each image, best first; `seeds`, one an image, are for sampling."""
        units = self.vocabulary.units_per_word
        config = replace(
            config,
            max_length=config.max_length * units,
            min_length=config.min_length * units,
            no_repeat_ngram=config.no_repeat_ngram * units,
        )

        def step(words: Int[Tensor, " row"], state: DecoderState) -> Step[DecoderState]:
            scores, state, weights = self.decoder.step(words, state)
            return Step(scores.log_softmax(dim=-1), state, weights)

        return search(
            step,
            self.decoder.start(features),
            num_images=len(features),
            device=self.device,
            ids=self.special_ids,
            config=config,
            seeds=seeds,
            bad_ending_ids=self.bad_ending_ids,
        )

    @property
    def special_ids(self) -> SpecialIds:
        """What search must know of the vocabulary."""
        v = self.vocabulary
        return SpecialIds(start=v.start_id, end=v.end_id, pad=v.pad_id, unknown=v.unknown_id)

    @property
    def bad_ending_ids(self) -> frozenset[int]:
        """Words that no caption should end with, as far as the vocabulary has them."""
        if self.vocabulary.unit == "char":
            return frozenset()  # an "a" may well be the end of a word
        ids = map(self.vocabulary.id_of, BAD_ENDINGS)
        return frozenset(ids) - {self.vocabulary.unknown_id}

    def save_pretrained(
        self, directory: Path | str, *, card: str, dtype: torch.dtype = torch.float32
    ) -> None:
        """Write the model directory; it appears under its name when it is complete.

        Args:
            directory: where to; a model that is there already is replaced.
            card: text of the model card.
            dtype: type of the weights on disk; float16 halves the size.
        """
        with replaced_directory(Path(directory)) as partial:
            weights = partial / "model.safetensors"
            save_file(
                {
                    name: tensor.detach()
                    .to(dtype if tensor.is_floating_point() else tensor.dtype)
                    .cpu()
                    .contiguous()
                    for name, tensor in self.state_dict().items()
                },
                weights,
            )
            weights.chmod(0o644)  # safetensors leaves it to the owner alone
            config = {
                "format": FORMAT_VERSION,
                "kind": KIND,
                "encoder": asdict(self.encoder.config),
                "decoder": asdict(self.decoder.config),
                "vocabulary": self.vocabulary.to_json(),
                "weights": {"sha256": sha256(weights), "bytes": weights.stat().st_size},
            }
            write_json(partial / "config.json", config)
            (partial / "README.md").write_text(card, encoding="utf-8")

    @classmethod
    def from_pretrained(cls, source: Path | str) -> "CaptionModel":
        """Load a model directory, or download one by its hub id ('owner/name').

        Raises:
            ModelError: it is not there, of another format, damaged or inconsistent.
        """
        directory = locate_model(source)
        config = _read_config(directory / "config.json")
        weights = directory / "model.safetensors"
        _check_weights(weights, config["weights"])
        try:
            encoder = _tuples(config["encoder"])
            encoder["preprocess"] = PreprocessConfig(**encoder["preprocess"])
            # Without storage, so that a config that asks for too much is refused, not allocated.
            with torch.device("meta"):
                model = cls(
                    EncoderConfig(**encoder),
                    DecoderConfig(**config["decoder"]),
                    Vocabulary.from_json(config["vocabulary"]),
                )
        except (KeyError, TypeError, ValueError, RuntimeError, ModelError) as error:
            raise ModelError(f"{directory / 'config.json'}: {error}") from None
        _load_weights(model, weights)
        return model.eval()


def build_encoder(model: str | None, config: EncoderConfig, weights: str) -> ImageEncoder:
    """Return the encoder of a trained model, or else a new one with the given weights.

    Args:
        model: model directory or hub id.
        config: of a new encoder.
        weights: of a new encoder: 'imagenet', 'random' or a safetensors file.
    """
    if model is not None:
        return CaptionModel.from_pretrained(model).encoder
    encoder = ImageEncoder(config).eval()
    if weights != "random":
        encoder.load_weights(weights)
    return encoder


def locate_model(source: Path | str) -> Path:
    """Return the local directory of a model, downloading it if `source` is a hub id."""
    directory = Path(source)
    if directory.is_dir():
        return directory
    if isinstance(source, Path) or source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise ModelError(
            f"{source}: no such directory; give a model directory or a hub id like owner/name"
        )
    try:
        files = ["config.json", "model.safetensors", "README.md"]
        return Path(snapshot_download(source, allow_patterns=files))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{source}: neither a directory here nor a model that the hub gives ({reason})"
        ) from None


def push_to_hub(directory: Path, repo_id: str, *, private: bool = False) -> str:
    """Upload a model directory to the hub and return its address there."""
    _check_weights(
        directory / "model.safetensors", _read_config(directory / "config.json")["weights"]
    )
    api = HfApi()
    api.create_repo(repo_id, private=private, exist_ok=True)
    return str(api.upload_folder(repo_id=repo_id, folder_path=directory))


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{path}: missing; a model directory holds config.json and model.safetensors"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); get the model again") from None
    if not isinstance(config, dict) or config.get("kind") != KIND:
        raise ModelError(f"{path}: not the config of a captioner; expected kind {KIND!r}")
    if config.get("format") != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format {config.get('format')!r}, expected {FORMAT_VERSION}; "
            "use the Glimpse version that wrote it, or train again"
        )
    missing = {"encoder", "decoder", "vocabulary", "weights"} - config.keys()
    if missing:
        raise ModelError(f"{path}: lacks {', '.join(sorted(missing))}; get the model again")
    if not isinstance(config["weights"], dict) or {"sha256", "bytes"} - config["weights"].keys():
        raise ModelError(f"{path}: 'weights' should say their sha256 and bytes; get it again")
    return config


def _tuples(value: Any) -> Any:
    """Return plain values with tuples for lists, which JSON makes of tuples."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _check_weights(path: Path, expected: Mapping[str, Any]) -> None:
    if not path.is_file():
        raise ModelError(f"{path}: missing; get the model again")
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise ModelError(
            f"{path}: has {size} bytes, expected {expected['bytes']}; get the model again"
        )
    if sha256(path) != expected["sha256"]:
        raise ModelError(f"{path}: its checksum is not the one in config.json; get the model again")


def _load_weights(model: CaptionModel, path: Path) -> None:
    tensors = read_tensors(path)
    own = model.state_dict()
    wrong = sorted(
        (own.keys() ^ tensors.keys())
        | {name for name in own.keys() & tensors.keys() if own[name].shape != tensors[name].shape}
    )
    if wrong:
        raise ModelError(
            f"{path}: {len(wrong)} tensors do not fit config.json, the first is {wrong[0]!r}; "
            "weights and config are of different models"
        )
    model.load_state_dict(
        {name: tensor.to(own[name].dtype) for name, tensor in tensors.items()}, assign=True
    )
    model.to(memory_format=torch.channels_last)
