"""Captions for photo managers: an XMP sidecar beside each photo."""

import html
from collections.abc import Iterable, Iterator
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
    described: Iterator[DescribedFile],
    *,
    language: Language = ENGLISH,
    minimum_confidence: float = 0.0,
) -> Iterator[DescribedFile]:
    """Pass the files on, leaving `photo.jpg.xmp` beside each that has no sidecar yet.

    It holds the caption, and what was recognised as keywords. A sidecar that is there already may
    hold its owner's work and stays as it is.

    Args:
        described: the files.
        language: of the captions.
        minimum_confidence: below which a caption is left out.

    Raises:
        DataError: a file lies in an archive, or its folder cannot be written to.
    """
    for file in described:
        if isinstance(file.source, TarMember):
            raise DataError(f"{file.source}: nothing can be put beside it; unpack the archive")
        caption = file.caption
        if caption is not None and caption.is_below(minimum_confidence):
            caption = None
        if caption is not None and existing_sidecar(file.source) is None:
            content = packet(caption.text, caption.keywords, language)
            write_text(sidecar_of(file.source), content)
        yield file


def sidecar_of(photo: Path) -> Path:
    """Return what we call the sidecar of a photo."""
    return photo.with_name(f"{photo.name}.xmp")


def existing_sidecar(photo: Path) -> Path | None:
    """Return the sidecar that a photo has, if it has one; some programs call it photo.xmp."""
    names = (sidecar_of(photo), photo.with_suffix(".xmp"))
    return next((name for name in names if name.exists()), None)


def packet(caption: str, keywords: Iterable[str], language: Language) -> str:
    """Return a caption and keywords as an XMP packet."""
    items = "\n".join(ITEM.format(word=html.escape(word, quote=False)) for word in keywords)
    text = html.escape(caption, quote=False)
    is_named = language.is_told and language != ENGLISH
    return SIDECAR.format(
        caption=text,
        also=IN_LANGUAGE.format(code=language.code, caption=text) if is_named else "",
        subject=SUBJECT.format(items=items) if items else "",
    )
