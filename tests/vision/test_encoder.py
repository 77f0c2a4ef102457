import gc
import weakref

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from caption.errors import ModelError
from caption.vision.config import EncoderConfig, PreprocessConfig
from caption.vision.encoder import ALL_STAGES, ImageEncoder

SMALL = PreprocessConfig(size=(64, 96))


def encoder(**options) -> ImageEncoder:
    options.setdefault("architecture", "shufflenet_v2_x0_5")
    return ImageEncoder(EncoderConfig(preprocess=SMALL, **options))


def pixels(batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, 3, *SMALL.size)


@pytest.mark.parametrize(
    ("architecture", "feature_dim"),
    [
        ("mobilenet_v2", 1280),
        ("mobilenet_v3_large", 960),
        ("efficientnet_b0", 1280),
        ("resnet18", 512),
        ("resnet50", 2048),
        ("resnet101", 2048),
        ("convnext_tiny", 768),
        ("regnet_y_1_6gf", 888),
        ("densenet121", 1024),
        ("shufflenet_v2_x0_5", 1024),
    ],
)
def test_the_grid_is_what_the_classifier_would_average(architecture, feature_dim) -> None:
    network = encoder(architecture=architecture).eval()
    grid = network(pixels(1))
    assert network.grid_size == (2, 3)
    assert network.feature_dim == feature_dim
    assert grid.shape == (1, 6, feature_dim)


def test_positions_are_row_major_and_look_where_they_say() -> None:
    network = encoder(architecture="resnet18", stage="layer1").eval()
    rows, columns = network.grid_size
    image = torch.zeros(1, 3, *SMALL.size)
    changed = image.clone()
    changed[..., :8, -8:] = 3.0  # the top right corner
    with torch.no_grad():
        difference = (network(changed) - network(image)).abs().sum(dim=-1).reshape(rows, columns)
    top, right = divmod(int(difference.argmax()), columns)
    assert top < 4
    assert right >= columns - 4


def test_a_named_stage_gives_a_finer_grid() -> None:
    assert encoder(architecture="resnet18", stage="layer3").grid_size == (4, 6)


def test_a_grid_size_is_averaged_from_the_networks_own() -> None:
    own, averaged = encoder().eval(), encoder(grid_size=(1, 1)).eval()
    averaged.load_state_dict(own.state_dict())
    batch = pixels()
    with torch.no_grad():
        expected = own(batch).mean(dim=1, keepdim=True)
        torch.testing.assert_close(averaged(batch), expected, atol=1e-6, rtol=1e-4)


def test_an_unknown_architecture_is_answered_with_near_ones() -> None:
    with pytest.raises(ModelError, match="did you mean mobilenet_v2"):
        encoder(architecture="mobilenet2")


def test_an_unknown_stage_is_answered_with_the_stages() -> None:
    with pytest.raises(ModelError, match=r"no stage 'layer9'; its stages are conv1, .*layer4"):
        encoder(architecture="resnet18", stage="layer9")


def test_a_stage_without_places_is_refused() -> None:
    with pytest.raises(ModelError, match="not a grid of features"):
        encoder(architecture="resnet18", stage="fc")


def trainable(network: ImageEncoder) -> set[str]:
    return {name for name, p in network.named_parameters() if p.requires_grad}


def test_stages_open_from_the_last() -> None:
    network = encoder(architecture="resnet18")
    assert network.stages == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]
    network.set_trainable(1)
    assert {name.split(".")[1] for name in trainable(network)} == {"layer4"}
    network.set_trainable(ALL_STAGES)
    assert trainable(network) == {name for name, _ in network.named_parameters()}
    network.set_trainable(0)
    assert not network.is_trainable
    with pytest.raises(ValueError, match="between 0 and 6, or -1 for all, got 7"):
        network.set_trainable(7)


def test_every_weight_knows_how_far_its_stage_is_from_the_last() -> None:
    network = encoder(architecture="resnet18")
    distances = network.stages_from_last
    assert list(distances) == [name for name, _ in network.named_parameters()]
    assert distances["network.conv1.weight"] == 5
    assert distances["network.layer3.1.bn2.bias"] == 1
    network.set_trainable(2)
    assert trainable(network) == {name for name, distance in distances.items() if distance < 2}


def statistics(network: ImageEncoder) -> dict[str, torch.Tensor]:
    return {n: b.clone() for n, b in network.named_buffers() if n.endswith("running_mean")}


@pytest.mark.parametrize(
    ("num_stages", "freeze", "moving"),
    [
        (0, False, set()),
        (1, False, {"layer4"}),
        (1, True, set()),
        (ALL_STAGES, False, {"bn1", "layer1", "layer2", "layer3", "layer4"}),
        (ALL_STAGES, True, set()),
    ],
)
def test_batch_norm_follows_the_batches_only_where_it_may_learn(num_stages, freeze, moving) -> None:
    network = encoder(architecture="resnet18")
    network.set_trainable(num_stages, freeze_batch_norm=freeze)
    network.train()
    before = statistics(network)
    network(pixels())
    moved = {
        name.split(".")[1]
        for name, mean in statistics(network).items()
        if not torch.equal(mean, before[name])
    }
    assert moved == moving
    if freeze:
        assert not any("bn" in name or "downsample.1" in name for name in trainable(network))


def test_a_frozen_encoder_gives_the_same_features_in_training() -> None:
    network = encoder(architecture="efficientnet_b0")  # it has stochastic depth
    batch = pixels()
    with torch.no_grad():
        torch.testing.assert_close(network.train()(batch), network.eval()(batch))


def saved(network: ImageEncoder, path, dtype=torch.float32) -> str:
    tensors = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in network.network.state_dict().items()
    }
    save_file({**tensors, "fc.bias": torch.zeros(1000)}, path)
    return str(path)


def test_weights_come_from_a_file_in_half_precision(tmp_path) -> None:
    source, target = encoder().eval(), encoder().eval()
    target.load_weights(saved(source, tmp_path / "w.safetensors", torch.float16))
    batch = pixels()
    with torch.no_grad():
        torch.testing.assert_close(target(batch), source(batch), atol=0.02, rtol=0.02)
    assert all(p.dtype == torch.float32 for p in target.parameters())


def test_weights_of_another_network_are_refused_by_name(tmp_path) -> None:
    path = saved(encoder(), tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match="expected the weights of torchvision's resnet18"):
        encoder(architecture="resnet18").load_weights(path)


def test_a_broken_or_missing_weight_file_is_one_sentence(tmp_path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        encoder().load_weights(str(tmp_path / "w.safetensors"))
    with pytest.raises(ModelError, match="no such file"):
        encoder().load_weights(str(tmp_path / "nothing.safetensors"))


def test_the_fingerprint_stands_for_config_and_weights() -> None:
    network = encoder()
    other = encoder()
    other.load_state_dict(network.state_dict())
    assert other.fingerprint() == network.fingerprint()
    assert encoder(grid_size=(1, 1)).fingerprint() != network.fingerprint()
    with torch.no_grad():
        next(other.parameters())[0, 0, 0, 0] += 1
    assert other.fingerprint() != network.fingerprint()


def test_the_fingerprint_ignores_how_many_batches_were_seen() -> None:
    network = encoder()
    before = network.fingerprint()
    for name, buffer in network.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer += 1
    assert network.fingerprint() == before


def test_a_batch_of_one_equals_its_row_in_a_batch() -> None:
    network, batch = encoder().eval(), pixels(3)
    with torch.no_grad():
        torch.testing.assert_close(network(batch)[1:2], network(batch[1:2]))


def test_a_photo_passes_through_the_whole_eye() -> None:
    from caption.vision.transforms import Preprocess

    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8))
    grid = encoder().eval()(Preprocess(SMALL)(image).unsqueeze(0))
    assert torch.isfinite(grid).all()


def test_an_encoder_that_is_no_longer_used_gives_its_memory_back() -> None:
    unused = encoder()
    network = weakref.ref(unused.network)
    del unused
    gc.collect()
    assert network() is None
