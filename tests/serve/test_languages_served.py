"""Programs choose the language by the name of the model, and each gets its own."""

import pytest
from tiny import scene
from writers import write_captioner

from caption import Captioner
from caption.search.config import SearchConfig
from vqa.serve.asking.wish import DESCRIPTION, KEYWORDS
from vqa.serve.models import Job, Models
from vqa.serve.refusal import RefusedError
from vqa.serve.service import Service


@pytest.fixture
def captioner(knowing, tmp_path):
    """A captioner of three languages."""
    home = write_captioner(tmp_path / "model", knowing.model, "de", "zh")
    search = SearchConfig(min_length=4, max_length=6)
    return Captioner.from_pretrained(home, search=search, device="cpu")


def test_those_who_wait_together_get_each_their_own_language(captioner) -> None:
    models = Models(captioner, None)
    pixels = models.captioner.extract.fit(scene("red", "left"))
    codes = ["zh", None, "de", "en", "zh"]
    jobs = [Job(pixels, DESCRIPTION, language=code) for code in codes]
    described, (keywords,) = models.replies(jobs), models.replies([Job(pixels, KEYWORDS)])
    (own,) = captioner.describe(captioner.encode(scene("red", "left")))
    for code, reply in zip(codes, described, strict=True):
        (alone,) = models.replies([Job(pixels, DESCRIPTION, language=code)])
        assert reply.text == alone.text
    assert described[1].text == described[3].text == own.text
    assert len({reply.text for reply in described}) == 3
    assert keywords.text == ", ".join(own.keywords)
    mixed = models.replies([Job(pixels, KEYWORDS, language="de"), jobs[2]])
    assert [reply.text for reply in mixed] == [keywords.text, described[2].text]


def test_every_language_is_a_model_and_the_models_own_has_the_bare_name(captioner) -> None:
    service = Service(Models(captioner.in_language("de"), None), names=["glimpse", "llava"])
    service.close()
    assert service.languages == {
        "glimpse": "de",
        "glimpse/en": "en",
        "glimpse/zh": "zh",
        "llava": "de",
        "llava/en": "en",
        "llava/zh": "zh",
    }
    assert service.language_of("glimpse/zh:latest") == "zh"
    assert len({service.weights_of(f"glimpse{end}").fingerprint for end in ("", "/en", "/zh")}) == 3
    with pytest.raises(RefusedError, match="'glimpse/fr' not found; .*'glimpse/zh', 'llava'"):
        service.language_of("glimpse/fr")
