"""Probabilities are as high as they should be, word for word, once they are calibrated."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import concept_model
from torch.testing import assert_close

from caption.data.captioned import CaptionedImage
from caption.training.calibration import calibrate, calibration_error, fitted

CHANCE = torch.Generator().manual_seed(0)
LOG_ODDS = 2 * torch.randn(600, 4, generator=CHANCE) - 2
SCALE, SHIFT = torch.tensor([0.5, 0.5, 0.8, 0.4]), torch.tensor([0.7, 0.3, 0.9, 0.5])
TRUTH = (SCALE * LOG_ODDS + SHIFT).sigmoid()


def test_the_scale_and_shift_that_made_the_truth_are_found() -> None:
    scale, shift = fitted(LOG_ODDS, TRUTH)
    assert_close(scale, SCALE, atol=0.05, rtol=0)
    assert_close(shift, SHIFT, atol=0.1, rtol=0)


def test_what_is_calibrated_already_stays() -> None:
    scale, shift = fitted(LOG_ODDS, LOG_ODDS.sigmoid())
    assert_close(scale, torch.ones(4), atol=0.02, rtol=0)
    assert_close(shift, torch.zeros(4), atol=0.02, rtol=0)


def test_words_that_are_never_shown_are_as_all_together_however_often_they_are_recognised() -> None:
    unseen = torch.cat([torch.full((600, 1), -20.0), torch.randn(600, 1, generator=CHANCE) - 4], 1)
    scale, shift = fitted(
        torch.cat([LOG_ODDS, unseen], dim=1), torch.cat([TRUTH, torch.zeros(600, 2)], dim=1)
    )
    assert scale[4] == scale[5]
    assert shift[4] == shift[5]
    assert float(scale[:4].min()) < float(scale[4]) < float(scale[:4].max())


def test_words_that_are_seldom_shown_are_nearer_to_all_together_than_others() -> None:
    """Two words of the same course, one of them in few pictures."""
    odd = (LOG_ODDS[:, :1] + 2).sigmoid()
    few, many = torch.arange(600) % 40 == 0, torch.arange(600) % 2 == 0
    distances = []
    for rows in (few, many):
        log_odds = LOG_ODDS.clone()
        truth = LOG_ODDS.sigmoid()
        log_odds[:, 0] = torch.where(rows, LOG_ODDS[:, 0], torch.tensor(-30.0))
        truth[:, :1] = torch.where(rows.unsqueeze(1), odd, torch.tensor(0.0))
        _, shift = fitted(log_odds, truth)
        distances.append(float(shift[0] - shift[1:].mean()))
    assert 0 < distances[0] < distances[1]


def test_the_error_by_hand() -> None:
    probabilities = torch.tensor([[0.05, 0.15], [0.12, 0.95], [0.01, 0.91]])
    truth = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 0.8]])
    # One bin holds .15 and .12, whose truth is 0.5; one .95 and .91, whose truth is 0.9.
    expected = (2 * (0.5 - 0.135) + 2 * (0.93 - 0.9)) / 4
    assert calibration_error(probabilities, truth) == pytest.approx(expected, abs=1e-6)


def test_of_nothing_that_is_likely_there_is_no_error() -> None:
    assert calibration_error(torch.full((3, 2), 0.09), torch.ones(3, 2)) == 0


shares = st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4)


@settings(deadline=None, max_examples=30)
@given(st.lists(shares, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_error_is_a_share_and_the_order_of_images_does_not_matter(rows, chance) -> None:
    probabilities = torch.tensor(rows)
    truth = (probabilities * 7).sin().abs()
    error = calibration_error(probabilities, truth)
    assert 0 <= error <= 1
    assert calibration_error(probabilities, probabilities) == pytest.approx(0, abs=1e-6)
    order = [*range(len(rows))]
    chance.shuffle(order)
    assert calibration_error(probabilities[order], truth[order]) == pytest.approx(error, abs=1e-5)


def test_a_model_is_calibrated_by_what_people_say_of_pictures(vocabulary) -> None:
    model = concept_model(vocabulary)
    colours = ("red", "green", "blue")
    images = [
        CaptionedImage(n, Path(), (f"a {colours[n % 3]} thing", "it", "this is it", "what"))
        for n in range(24)
    ]
    grids = torch.randn(24, 6, 1024, generator=torch.Generator().manual_seed(1))
    weights = {name: part.clone() for name, part in model.head.named_parameters()}

    def read(image, chance):
        return grids[image.image_id]

    model.head.scale.fill_(1.0)
    model.head.shift.fill_(2.5)
    assert (model.head(grids) > 0.2).all()
    before, after = calibrate(model, images, read, batch_images=7)
    assert after < before
    assert_close(model.head(grids)[:, :3].mean(dim=0), torch.full((3,), 1 / 12), atol=0.03, rtol=0)
    assert all(part.equal(weights[name]) for name, part in model.head.named_parameters())
    assert not model.head.scale.requires_grad
    again, after_again = calibrate(model, images, read)
    assert again == pytest.approx(after, abs=1e-6)
    assert after_again == pytest.approx(after, abs=1e-6)
