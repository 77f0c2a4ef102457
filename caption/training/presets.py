"""Published recipes for COCO by name, as configs of which every value may be changed.

They are those of ruotianluo/self-critical.pytorch (`configs/a2i2.yml`, `configs/updown.yml`), which
follow Rennie et al. 2017 and Anderson et al. 2018: 30 epochs of cross-entropy, in which the model
reads ever more of its own words, then 20 epochs of self-critical training against an image's other
captions (Luo 2020). Everywhere this differs from them:

- pictures are squashed to one size, where they keep their own, so that a batch is one tensor;
- features are layer-normalised before they are projected, the mean feature is the mean of those
  projected, and embedded words have no ReLU;
- the share of own words rises with every update, not by 0.05 every 5 epochs;
- validation comes after every epoch of 11,329 updates, not every 3,000 updates;
- drawn captions are cut after 16 words, not 20.

README.md beside this says what to expect of each.
"""

from caption.engine.config import OptimConfig, TrainerConfig
from caption.networks.config import DecoderConfig
from caption.search.config import SearchConfig
from caption.training.config import (
    BatchConfig,
    CaptionConfig,
    ObjectiveConfig,
    SelfCriticalConfig,
    TextConfig,
)
from caption.vision.config import EncoderConfig, PreprocessConfig

EPOCHS = 30

ATT2IN = DecoderConfig(
    kind="att2in", word_dim=512, visual_dim=512, state_dim=512, attention_dim=512
)
UPDOWN = DecoderConfig(
    kind="updown", word_dim=1000, visual_dim=1000, state_dim=1000, attention_dim=512
)
LARGE = PreprocessConfig(size=(448, 448))
"""Near the area of a COCO photo, 640 x 480: the last grid of a ResNet is 14 x 14."""


def _recipe(encoder: EncoderConfig, decoder: DecoderConfig) -> CaptionConfig:
    """Return the one recipe for an encoder and a decoder."""
    return CaptionConfig(
        encoder=encoder,
        decoder=decoder,
        # Published: words that are seen more than 5 times.
        text=TextConfig(minimum_count=6, max_length=16),
        batch=BatchConfig(images=10, captions_per_image=5),
        phases=("cross_entropy", "self_critical"),
        objective=ObjectiveConfig(label_smoothing=0.0, own_words=0.25),
        self_critical=SelfCriticalConfig(
            captions=5,
            baseline="others",
            temperature=1.0,
            cross_entropy=0.0,
            epochs=20,
            learning_rate=5e-5,
            schedule="constant",
        ),
        trainer=TrainerConfig(
            epochs=EPOCHS,
            patience=EPOCHS,  # the best epoch is kept, but none is left out
            checkpoint_every=2000,  # of 11,329 updates an epoch; a state is half a gigabyte
            # With no decay AdamW is the Adam of the publications.
            optim=OptimConfig(
                learning_rate=5e-4,
                weight_decay=0.0,
                warmup_steps=0,
                schedule="step",
                step_epochs=3,
                step_factor=0.8,
                clip="value",
                clip_at=0.1,
            ),
        ),
        search=SearchConfig(num_beams=1, no_repeat_ngram=0),
    )


PRESETS = {
    # Nobody has published Att2in on MobileNetV2: the recipe of the next one for a small encoder.
    "coco-mobilenet": _recipe(EncoderConfig(), ATT2IN),
    "coco-resnet101": _recipe(EncoderConfig(architecture="resnet101", preprocess=LARGE), ATT2IN),
    # The ResNet baseline of the UpDown paper has 10 x 10 places; its regions are a detector's.
    "coco-updown": _recipe(
        EncoderConfig(architecture="resnet101", grid_size=(10, 10), preprocess=LARGE), UPDOWN
    ),
}
"""Att2in on MobileNetV2 and on ResNet-101 (Rennie et al. 2017); UpDown on ResNet-101 (Anderson et
al. 2018)."""
