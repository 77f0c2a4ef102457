"""Caption images, folders, patterns and tar shards: on the screen, or into a file."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from caption.commands.process import share_processors
from caption.commands.words import corrections
from caption.search.config import SearchConfig

if TYPE_CHECKING:
    from caption.files.paths import ImageFile
    from caption.predict import Captioner, DescribedFile


@dataclass(frozen=True, kw_only=True)
class Args:
    """Caption images, folders, patterns and tar shards: on the screen, or into a file."""

    source: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Image files, folders, tar shards, or quoted patterns such as 'trip/*.jpg'."""
    model: str | None = None
    """Model directory, hub id or name (base, small); base by default."""
    language: tuple[str, ...] = ()
    """Codes of the languages to describe in, such as de, or several: en de fr zh; by default the
    model's own. `glimpse models` lists them."""
    output: Path | None = None
    """Write here instead of on the screen: with the suffix .jsonl a line for each file, in a run
    that goes on where it was killed; with .json the COCO results format."""
    shard: str | None = None
    """'i/n', i from 0: do one of n parts of the work, into an output of its own; 'auto' takes both
    from torchrun or a SLURM array. The outputs one after the other are that of a single run."""
    write_metadata: bool = False
    """Leave photo.jpg.xmp with the description, and with recognised words as keywords, beside every
    photo that has no sidecar yet."""
    alt_text: Path | None = None
    """Write an HTML page with the captions as alternative texts; needs --output with .jsonl."""
    annotations: Path | None = None
    """COCO JSON file that gives the image ids for --output, and that says which images of the
    folder to caption; by default an id is the file's name without its suffix, as a number if it is
    one."""
    heat_maps: Path | None = None
    """Write a picture of where the model looked for every word into this directory, by file."""
    concepts: tuple[str, ...] = ()
    """What you know better than the model of all that is named here, as WORD=PROBABILITY: 'cat=1'
    or 'cat' must be named, 'dog=0' must not, anything between is a hint. For models that recognise
    words."""
    minimum_confidence: float = 0.0
    """Leave captions that are expected to be worse out of the alternative texts and the sidecars;
    among the lines they are marked as weak. From 0 to 1, where 1 is as good as people's own."""
    show_concepts: bool = False
    """Show under each caption on the screen which words were recognised, and how surely; lines have
    them anyway."""
    batch_images: int = 64
    """Images captioned at once."""
    search: SearchConfig = field(default_factory=SearchConfig)

    def __post_init__(self) -> None:
        if not self.source:
            raise ValueError("name images, folders, tar shards or patterns to caption")
        lines = self.output is not None and self.output.suffix == ".jsonl"
        if self.output is not None and self.output.suffix not in (".json", ".jsonl"):
            raise ValueError(f"output should end in .jsonl or .json, got {self.output}")
        for name in ("shard", "alt_text"):
            if getattr(self, name) is not None and not lines:
                raise ValueError(f"{name} needs an output that ends in .jsonl")
        if self.shard is not None and self.alt_text is not None:
            raise ValueError(
                "alt_text is for all captions: join the shards' outputs first, then run once more "
                "without shard"
            )
        if self.annotations is not None and len(self.source) != 1:
            raise ValueError("annotations need one folder of images")
        if self.batch_images < 1:
            raise ValueError(f"batch_images must be at least 1, got {self.batch_images}")
        if not 0 <= self.minimum_confidence <= 1:
            raise ValueError(f"minimum_confidence must be in [0, 1], got {self.minimum_confidence}")
        if self.minimum_confidence and not lines and not self.write_metadata:
            raise ValueError(
                "minimum_confidence needs something to leave captions out of: an output that ends "
                "in .jsonl, or write_metadata"
            )
        if self.show_concepts and self.output is not None:
            raise ValueError("show_concepts is for captions on the screen; leave out output")
        if len(self.language) != len(set(self.language)):
            raise ValueError(f"name each language once, got {' '.join(self.language)}")
        if len(self.language) > 1 and self.output is not None and not lines:
            raise ValueError(
                "COCO results hold one caption of an image; name one language, or an output that "
                "ends in .jsonl"
            )
        _ = self.corrections  # refused before a model is loaded

    @property
    def corrections(self) -> dict[str, float]:
        """What `concepts` says."""
        return corrections(self.concepts)


def main(args: Args) -> int:
    """Caption and return 1 if any file on the screen or in the COCO results could not be read."""
    if args.shard is not None:
        share_processors(spins="0")  # another shard may well run beside
    from caption.archive.inputs import find_images
    from caption.archive.results import listed_images, named_images, write_results
    from caption.archive.shards import Shard
    from caption.files.fonts import missing_font
    from caption.models.confidence import uncalibrated

    shard = None if args.shard is None else Shard.parse(args.shard)
    if args.annotations is not None:
        ids = listed_images(args.annotations, Path(args.source[0]))
        files = list(ids)
    else:
        files = list(dict.fromkeys(file for name in args.source for file in find_images(name)))
        ids = {}
    captioner, *others = writers = _writers(args)
    is_calibrated = all(writer.model.confidence is not None for writer in writers)
    if args.minimum_confidence and not is_calibrated:
        raise uncalibrated("captions")
    tokens = [token for writer in writers for token in writer.model.vocabulary.tokens]
    if args.heat_maps is not None and (missing := missing_font(tokens)):
        print(missing, file=sys.stderr)
    if args.output is not None and args.output.suffix == ".jsonl":
        if shard is not None:
            files = list(shard.of(files, args.batch_images))
        output = args.output if shard is None else shard.named(args.output)
        _into_lines(writers, files, output, args)
        failed = 0  # the lines tell of errors; a scheduler would only try again
    else:
        described = captioner.describe_files(
            files, batch_images=args.batch_images, concepts=args.corrections, others=others
        )
        described = _watched(described, args)
        if args.output is None:
            failed = _print(described, show_concepts=args.show_concepts)
        else:
            failed = write_results(args.output, described, ids or named_images(files))
    if not is_calibrated:
        print(uncalibrated("captions"), file=sys.stderr)
    if failed:
        print(f"{failed} of {len(files)} files could not be captioned", file=sys.stderr)
    return 1 if failed else 0


def _writers(args: Args) -> "list[Captioner]":
    """Return a captioner for each language, which all look with the first one's eyes."""
    from caption.predict import Captioner

    code = args.language[0] if args.language else None
    captioner = Captioner.from_pretrained(args.model, language=code, search=args.search)
    return [captioner, *map(captioner.in_language, args.language[1:])]


def _into_lines(
    writers: "list[Captioner]", files: "list[ImageFile]", output: Path, args: Args
) -> None:
    """Caption an archive and say how many files failed."""
    from caption.archive.alt_texts import write_alt_texts
    from caption.archive.lines import describe_archive, read_rows

    tally = describe_archive(
        writers[0],
        files,
        output,
        batch_images=args.batch_images,
        concepts=args.corrections,
        others=writers[1:],
        minimum_confidence=args.minimum_confidence,
        watch=lambda described: _watched(described, args),
    )
    print(f"{output}: {tally.num_files} files, {tally.num_errors} of them errors")
    if args.alt_text is not None:
        write_alt_texts(
            args.alt_text, read_rows(output), minimum_confidence=args.minimum_confidence
        )


def _watched(described: "Iterator[DescribedFile]", args: Args) -> "Iterator[DescribedFile]":
    """Pass the captions on, leaving beside them what is asked for."""
    from caption.archive.heat_maps import write_heat_maps
    from caption.archive.sidecars import write_sidecars

    if args.heat_maps is not None:
        described = write_heat_maps(described, args.heat_maps)
    if args.write_metadata:
        return write_sidecars(described, minimum_confidence=args.minimum_confidence)
    return described


def _print(described: "Iterable[DescribedFile]", *, show_concepts: bool) -> int:
    """Print a line for each caption, and what more there is below it; return how many failed."""
    from caption.web.wording import recognised

    failed = 0
    for file in described:
        if file.caption is None:
            failed += 1
            print(file.error, file=sys.stderr)
        for caption in file.captions:
            which = f"{caption.language.code}\t" if file.also else ""
            print(f"{file.source}\t{which}{caption}")
            if caption.doubt:
                print(f"    {caption.doubt}")
            if show_concepts and caption.concepts:
                print(f"    {recognised(caption.concepts)}")
    return failed
