"""Captions for photo managers: an XMP sidecar beside each photo."""

import html
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from caption.errors import DataError
from caption.files.tar import TarMember
from caption.files.writing import write_text
from caption.predict import DescribedFile
from caption.text.language import ENGLISH, Language

SIDECAR = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmp:CreatorTool="Glimpse">
   <dc:description>
    <rdf:Alt>
     <rdf:li xml:lang="x-default">{caption}</rdf:li>{also}
    </rdf:Alt>
   </dc:description>{subject}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
"""An XMP packet (ISO 16684-1) with the description that photo managers show."""
SUBJECT = """
   <dc:subject>
    <rdf:Bag>
{items}
    </rdf:Bag>
   </dc:subject>"""
IN_LANGUAGE = """
     <rdf:li xml:lang="{code}">{caption}</rdf:li>"""
"""The description once more, for those who look for their language."""
ITEM = "     <rdf:li>{word}</rdf:li>"


def write_sidecars(
    described: Iterator[DescribedFile], *, minimum_confidence: float = 0.0
) -> Iterator[DescribedFile]:
    """Pass the files on, leaving `photo.jpg.xmp` beside each that has no sidecar yet.

    It holds the caption in each language, and what was recognised as keywords. A sidecar that is
    there already may hold its owner's work and stays as it is.

    Args:
        described: the files.
        minimum_confidence: below which a caption is left out.

    Raises:
        DataError: a file lies in an archive, or its folder cannot be written to.
    """
    for file in described:
        if isinstance(file.source, TarMember):
            raise DataError(f"{file.source}: nothing can be put beside it; unpack the archive")
        captions = [c for c in file.captions if not c.is_below(minimum_confidence)]
        if captions and existing_sidecar(file.source) is None:
            texts = [(caption.text, caption.language) for caption in captions]
            keywords = dict.fromkeys(word for caption in captions for word in caption.keywords)
            write_text(sidecar_of(file.source), packet(texts, keywords))
        yield file


def sidecar_of(photo: Path) -> Path:
    """Return what we call the sidecar of a photo."""
    return photo.with_name(f"{photo.name}.xmp")


def existing_sidecar(photo: Path) -> Path | None:
    """Return the sidecar that a photo has, if it has one; some programs call it photo.xmp."""
    names = (sidecar_of(photo), photo.with_suffix(".xmp"))
    return next((name for name in names if name.exists()), None)


def packet(texts: Sequence[tuple[str, Language]], keywords: Iterable[str]) -> str:
    """Return a caption, in one language or several, and keywords as an XMP packet.

    Args:
        texts: the caption in each language; the first is for those who look for none of them.
        keywords: for the photo.
    """
    items = "\n".join(ITEM.format(word=html.escape(word, quote=False)) for word in keywords)
    escaped = [(html.escape(text, quote=False), language) for text, language in texts]
    named = [
        IN_LANGUAGE.format(code=language.code, caption=text)
        for text, language in escaped
        if language.is_told and (language != ENGLISH or len(texts) > 1)
    ]
    return SIDECAR.format(
        caption=escaped[0][0],
        also="".join(named),
        subject=SUBJECT.format(items=items) if items else "",
    )
