"""A classifier says how likely each of its classes is, the same of a photo and its mirror image."""

import pytest
import torch
from pictures import scene
from PIL import ImageOps
from safetensors.torch import save_file
from torchvision.models import get_model

from caption.errors import ModelError
from caption.vision.classes import read_classes
from caption.vision.encoder import build_classifier
from caption.vision.teacher import Classifier

ARCHITECTURE = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights in half precision, with torchvision's names, that tell photos apart."""
    path = tmp_path_factory.mktemp("weights") / "teacher.safetensors"
    torch.manual_seed(0)
    network = get_model(ARCHITECTURE, weights=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0  # what passes is scaled by what it sees
    with torch.no_grad():
        network(torch.randn(4, 3, 224, 224))
        network.fc.weight.mul_(20)
    tensors = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    save_file(tensors, path)
    return path


@pytest.fixture
def photos(tmp_path):
    """A photo, its mirror image and one of another shape."""
    photo = scene(224, 224)  # of the network's size, since resizing rounds
    images = [photo, ImageOps.mirror(photo), scene(30, 70)]
    paths = [tmp_path / f"{number}.png" for number in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    return paths


def test_the_probabilities_are_those_of_the_network(weights, photos) -> None:
    teacher = Classifier(ARCHITECTURE, str(weights))
    found = torch.cat(list(teacher.probabilities(photos, workers=0)))
    assert found.shape == (3, 1000)
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(3))
    pixels = teacher.preprocess(scene(224, 224))[None]
    network = teacher.network
    with torch.no_grad():
        expected = (network(pixels).softmax(-1) + network(pixels.flip(-1)).softmax(-1)) / 2
    torch.testing.assert_close(found[:1], expected)
    assert read_classes().of(found).shape == (3, len(read_classes().words))


def test_a_photo_and_its_mirror_image_are_alike(weights, photos) -> None:
    teacher = Classifier(ARCHITECTURE, str(weights))
    straight, mirrored, other = torch.cat(list(teacher.probabilities(photos, workers=0)))
    torch.testing.assert_close(straight, mirrored)
    assert not torch.allclose(straight, other)
    pixels = teacher.preprocess(scene(224, 224))[None]
    with torch.no_grad():
        one_side = teacher.network(pixels).softmax(-1)
    assert not torch.allclose(one_side[0], straight)


def test_how_images_are_cut_into_batches_changes_nothing(weights, photos) -> None:
    teacher = Classifier(ARCHITECTURE, str(weights))
    whole, single = (
        torch.cat(list(teacher.probabilities(photos, batch_images=size, workers=0)))
        for size in (3, 1)
    )
    torch.testing.assert_close(whole, single)


def test_padding_is_the_networks(weights, photos) -> None:
    symmetric, same = (
        next(Classifier(ARCHITECTURE, str(weights), padding).probabilities(photos, workers=0))
        for padding in ("symmetric", "same")
    )
    assert not torch.allclose(symmetric, same)


def test_weights_without_the_classifier_are_refused(weights, tmp_path) -> None:
    network = build_classifier(ARCHITECTURE, "symmetric")
    path = tmp_path / "cut.safetensors"
    save_file({n: t for n, t in network.state_dict().items() if not n.startswith("fc.")}, path)
    with pytest.raises(ModelError, match=r"2 of \d+ tensors are missing .* first is 'fc.weight'"):
        Classifier(ARCHITECTURE, str(path))
    with pytest.raises(ModelError, match="is not a classification network of torchvision"):
        Classifier("shufflenet", str(weights))
