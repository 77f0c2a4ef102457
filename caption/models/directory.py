"""Models on disk, of any kind.

A model directory holds `config.json`, `model.safetensors` and `README.md`, the model card. The
config says everything that is needed to build the model and to prove that the weights are its own.
"""

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import torch
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors.torch import save_file
from torch import nn

from caption.errors import ModelError
from caption.files.writing import replaced_directory, sha256, write_json
from caption.models.weights import restored, stored
from caption.vision.concepts import ConceptHead
from caption.vision.config import ConceptConfig, EncoderConfig, PreprocessConfig
from caption.vision.encoder import ImageEncoder, read_tensors

FORMAT_VERSION = 1
NAMES = ("base", "small")
"""Of the models that come with the package: captioners, and for each a question answerer."""
CAPTIONERS = {name: Path(__file__).parents[1] / "pretrained" / name for name in NAMES}
DEFAULT_CAPTIONER = CAPTIONERS["base"]
WRITER = "writer"
"""Kind of a model without eyes: it writes another language with those of a captioner."""
AROUND = ".."
"""What a writer calls the captioner in whose directory it lies."""


def write_model(
    directory: Path,
    model: nn.Module,
    kind: str,
    config: Mapping[str, Any],
    *,
    card: str,
    dtype: torch.dtype,
    prefix: str = "",
) -> None:
    """Write a model directory; it appears under its name when it is complete.

    Args:
        directory: where to; a model that is there already is replaced.
        model: whose weights to keep.
        kind: what the model does, such as "caption".
        config: all that is needed to build the model again.
        card: text of the model card.
        dtype: type of the weights on disk, as `stored` takes it.
        prefix: what the names of the weights begin with, if not all are to be kept.
    """
    kept = {name: w for name, w in model.state_dict().items() if name.startswith(prefix)}
    with replaced_directory(directory) as partial:
        weights = partial / "model.safetensors"
        save_file(stored(kept, dtype), weights)
        weights.chmod(0o644)  # safetensors leaves it to the owner alone
        proof = {"sha256": sha256(weights), "bytes": weights.stat().st_size}
        content = {"format": FORMAT_VERSION, "kind": kind, **config, "weights": proof}
        write_json(partial / "config.json", content)
        (partial / "README.md").write_text(card, encoding="utf-8")


def copy_with(source: Path, directory: Path, part: str, value: Any) -> None:
    """Copy a model with another value for a part of its config; the weights stay as they are.

    Args:
        source: directory of the model.
        directory: of the copy; a model that is there already is replaced, and the same directory
            gets the part alone.
        part: of the config, such as "confidence".
        value: plain values.

    Raises:
        ModelError: the model is damaged.
    """
    config = raw_config(source) | {part: value}
    _check_weights(source / "model.safetensors", config["weights"])
    if directory.exists() and directory.samefile(source):
        write_json(directory / "config.json", config)
        return
    with replaced_directory(directory) as partial:
        for name in ("model.safetensors", "README.md"):
            if (source / name).is_file():
                shutil.copyfile(source / name, partial / name)
        write_json(partial / "config.json", config)


def refuse_taken(directory: Path) -> None:
    """Refuse to write a model where there is one already.

    Raises:
        ModelError: there is.
    """
    if (directory / "config.json").exists():
        raise ModelError(f"{directory}: holds a model already; choose another directory")


@runtime_checkable
class Saveable(Protocol):
    """A model of any kind, as far as its directory is concerned."""

    def save_pretrained(self, directory: Path, *, card: str) -> None:
        """Write a model directory."""


def install_model(model: Saveable, directory: Path, *, card: str) -> None:
    """Write a fine-tuned model beside its report and its `training`."""
    whole = directory / "training" / "model"
    model.save_pretrained(whole, card=card)
    # What makes a directory a model comes last: until then it is none.
    for name in ("README.md", "model.safetensors", "config.json"):
        (whole / name).replace(directory / name)
    whole.rmdir()


def locate_model(source: Path | str, packaged: Mapping[str, Path] = CAPTIONERS) -> Path:
    """Return the local directory of a model, downloading it if `source` is a hub id.

    Args:
        source: model directory, hub id, or the name of a model that comes with the package; base/de
            is what writes German with the eyes of `base`.
        packaged: the directories of these by name.

    Raises:
        ModelError: there is no such model, or two are called so.
    """
    directory = Path(source)
    if isinstance(source, str) and source in packaged:
        if (directory / "config.json").exists():
            raise ModelError(
                f"{source}: a model that comes with the package, and a model directory here; give "
                f"./{source} for the directory, {packaged[source]} for the package's"
            )
        return packaged[source]
    if directory.is_dir():
        return directory
    name, _, code = str(source).partition("/")
    if name in packaged and (packaged[name] / code / "config.json").is_file():
        return packaged[name] / code
    if isinstance(source, Path) or source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise ModelError(
            f"{source}: no such directory; give a model directory, a hub id like owner/name, or a "
            f"model that comes with the package: {', '.join(packaged)}"
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
    _check_weights(directory / "model.safetensors", raw_config(directory)["weights"])
    api = HfApi()
    api.create_repo(repo_id, private=private, exist_ok=True)
    return str(api.upload_folder(repo_id=repo_id, folder_path=directory))


def kind_of(directory: Path) -> str:
    """Return what the model in a directory does, such as "vqa"."""
    return str(raw_config(directory).get("kind"))


def read_config(
    directory: Path, kind: str, parts: Collection[str], *, also: Collection[str] = ()
) -> dict[str, Any]:
    """Return the config of a model directory whose weights are proven to be its own.

    Args:
        directory: of the model.
        kind: what the model should do.
        parts: what its config must hold.
        also: what it may hold.

    Raises:
        ModelError: it is missing, damaged, of another kind or format.
    """
    config, path = raw_config(directory), directory / "config.json"
    if config.get("kind") != kind:
        raise ModelError(
            f"{path}: a model of kind {config.get('kind')!r}, expected {kind!r}; "
            "give another model directory"
        )
    missing = set(parts) - config.keys()
    if missing:
        raise ModelError(f"{path}: lacks {', '.join(sorted(missing))}; get the model again")
    _check_weights(directory / "model.safetensors", config["weights"])
    found = (*parts, *(part for part in also if part in config))
    return {part: _tuples(config[part]) for part in found}


@contextmanager
def described_by(directory: Path) -> Iterator[None]:
    """Build a model without storage, so that a config that asks for too much allocates nothing.

    Raises:
        ModelError: the config does not describe a model.
    """
    try:
        with torch.device("meta"):
            yield
    except (KeyError, TypeError, ValueError, RuntimeError, ModelError) as error:
        raise ModelError(f"{directory / 'config.json'}: {error}") from None


def captioner_of(directory: Path) -> Path:
    """Return the directory of the captioner whose eyes a model has: its own, but for a writer.

    Raises:
        ModelError: there is no model, or a writer's captioner is not there.
    """
    config = raw_config(directory)
    if config["kind"] != WRITER:
        return directory
    name, around = config.get("captioner"), directory.resolve().parent
    if name in CAPTIONERS:
        return CAPTIONERS[str(name)]
    if name == AROUND and (around / "config.json").is_file():
        return around
    raise ModelError(
        f"{directory}: writes with the eyes of a captioner that is not there ({name!r}); put it "
        "into the directory of the captioner that it was made for"
    )


def load_encoder(source: Path | str) -> ImageEncoder:
    """Load the encoder of a captioner, without what writes its captions.

    Raises:
        ModelError: the captioner is not there, of another format, damaged or inconsistent.
    """
    directory = captioner_of(locate_model(source))
    config = read_config(directory, "caption", ("encoder",))
    with described_by(directory):
        encoder = ImageEncoder(encoder_config(config["encoder"]))
    load_weights(encoder, directory, prefix="encoder.")
    return encoder.to(memory_format=torch.channels_last).eval()


def build_encoder(model: str | None, config: EncoderConfig, weights: str) -> ImageEncoder:
    """Return the encoder of a trained model, or else a new one with the given weights.

    Args:
        model: model directory or hub id.
        config: of a new encoder.
        weights: of a new encoder: 'imagenet', 'random' or a safetensors file.
    """
    if model is not None:
        return load_encoder(model)
    encoder = ImageEncoder(config).eval()
    if weights != "random":
        encoder.load_weights(weights)
    return encoder


def encoder_config(values: Mapping[str, Any]) -> EncoderConfig:
    """Return the config of an encoder from the plain values in a model's config."""
    preprocess = PreprocessConfig(**values["preprocess"])
    return EncoderConfig(**{**values, "preprocess": preprocess})


def concept_config(values: Mapping[str, Any]) -> tuple[ConceptConfig, Sequence[str]]:
    """Return how words are recognised and which, from the plain values in a model's config.

    Raises:
        ValueError: the words are not words.
    """
    words = values["words"]
    if not isinstance(words, tuple) or not all(isinstance(word, str) for word in words):
        raise ValueError("the concepts' words should be a list of texts")
    others = {name: value for name, value in values.items() if name != "words"}
    return ConceptConfig(**others), words


def load_concepts(source: Path | str) -> ConceptHead | None:
    """Load what a captioner recognises words with, if it does.

    Raises:
        ModelError: the captioner is not there, of another format, damaged or inconsistent.
    """
    directory = captioner_of(locate_model(source))
    values = read_config(directory, "caption", ("encoder",), also=("concepts",))
    if "concepts" not in values:
        return None
    with described_by(directory):
        config, words = concept_config(values["concepts"])
        encoder = ImageEncoder(encoder_config(values["encoder"]))
        head = ConceptHead(config, words, feature_dim=encoder.feature_dim)
    load_weights(head, directory, prefix="concepts.")
    return head.eval()


def load_weights(
    model: nn.Module,
    directory: Path,
    *,
    prefix: str = "",
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Give a model without storage the weights of its directory.

    Args:
        model: as its config describes it.
        directory: of the model, or of a larger one that has it as a part.
        prefix: what the names of the part's weights begin with there.
        renamed: how names began in older files, and how they begin now.

    Raises:
        ModelError: they are another model's.
    """
    path = directory / "model.safetensors"
    written = {name: t for name, t in read_tensors(path).items() if name.startswith(prefix)}
    try:
        weights = restored(written)
    except ValueError as error:
        raise ModelError(f"{path}: {error}; get the model again") from None
    tensors = {_renamed(name, renamed).removeprefix(prefix): t for name, t in weights.items()}
    own = model.state_dict()
    tensors = _missing_counters(own.keys() - tensors.keys()) | tensors
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


def _renamed(name: str, renamed: Mapping[str, str]) -> str:
    old = next((old for old in renamed if name.startswith(old)), "")
    return renamed[old] + name.removeprefix(old) if old else name


def _missing_counters(names: Iterable[str]) -> dict[str, torch.Tensor]:
    """Return zero for BatchNorm's counters: some writers leave them out, and no output has them."""
    return {name: torch.tensor(0) for name in names if name.endswith("num_batches_tracked")}


def raw_config(directory: Path) -> dict[str, Any]:
    """Return the config of a model directory of any kind, whose weights nobody has proven.

    Raises:
        ModelError: it is missing, unreadable or of another format.
    """
    path = directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{path}: missing; a model directory holds config.json and model.safetensors"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); get the model again") from None
    if not isinstance(config, dict) or not isinstance(config.get("kind"), str):
        raise ModelError(f"{path}: not the config of a model; it should say its 'kind'")
    if config.get("format") != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format {config.get('format')!r}, expected {FORMAT_VERSION}; "
            "use the Glimpse version that wrote it, or train again"
        )
    proof = config.get("weights")
    if not isinstance(proof, dict) or {"sha256", "bytes"} - proof.keys():
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
