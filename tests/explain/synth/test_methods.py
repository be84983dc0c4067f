"""Each method reaches its objective: class probability, priors, activity, distance of styles; the
same seed gives the same picture.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.explain.synth.components.parameterization import Fourier
from convsweep.explain.synth.context import SynthesisContext
from convsweep.explain.synth.fitting_size import Work
from convsweep.explain.synth.judge import check_judge, judge_images
from convsweep.explain.synth.methods.class_images import ClassImages
from convsweep.explain.synth.methods.dream import Dream, octave_sizes
from convsweep.explain.synth.methods.langevin import Langevin
from convsweep.explain.synth.methods.of_classes import class_indices
from convsweep.explain.synth.methods.style import Style
from convsweep.explain.synth.subject import SynthSubject

from .conftest import drawn_subject


def roughness(images: Tensor) -> float:
    """Return the mean absolute difference of neighbours."""
    return float(images.diff(dim=-1).abs().mean())


def test_class_images_are_of_their_class_and_priors_make_them_plainer(
    context: SynthesisContext,
) -> None:
    bare = ClassImages(gaussian=0, steps=60, noise=0, jitter=0).run(context)
    assert all(image["probability"] > 0.8 for image in bare["images"])
    assert [image["class"] for image in bare["images"]] == ["class 0", "class 1", "class 2"]
    small = ClassImages(gaussian=1.0, steps=60, noise=0, jitter=0).run(
        SynthesisContext(context.subject, context.folder / "g", seed=3)
    )
    smooth = ClassImages(gaussian=0, tv=0.5, steps=60, noise=0, jitter=0).run(
        SynthesisContext(context.subject, context.folder / "t", seed=3)
    )
    assert float(small["samples"].abs().mean()) < 0.5 * float(bare["samples"].abs().mean())
    assert roughness(smooth["samples"]) < 0.5 * roughness(bare["samples"])
    assert {path.name for path in context.folder.glob("*.png")} >= {"000_class_0.png", "grid.png"}


def test_gradient_ascent_finds_the_maximum_of_log_posterior(tmp_path: Path) -> None:
    """Of a linear classifier with two classes the optimum is known: x = (1 - p) w / precision, w
    the difference of the rows.
    """
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[1.0, 0, 0, 0.5], [0, 0.5, 0, 0]]))
    subject = drawn_subject((1, 2, 2), 2, net)
    made = ClassImages(classes=[0], gaussian=1.0, steps=800, lr=0.02, noise=0, jitter=0).run(
        SynthesisContext(subject, tmp_path)
    )
    x = made["samples"].flatten()
    w = torch.tensor([1.0, -0.5, 0, 0.5])
    p = 1 / (1 + torch.exp(-(w @ x)))
    torch.testing.assert_close(x, (1 - p) * w, atol=1e-3, rtol=0)


def test_langevin_samples_scatter_around_the_optimum_with_the_size_of_the_noise(
    tmp_path: Path,
) -> None:
    """Without a class the chain is an autoregression: x <- (1 - step) x + noise, of variance
    noise^2 / (1 - (1 - step)^2).
    """
    subject = drawn_subject((1, 40, 40), 2, nn.Sequential(nn.Flatten(), nn.Linear(1600, 2)))
    method = Langevin(
        classes=[0], step_prior=0.1, step_class=0, step_noise=0.2, steps=200, jitter=0
    )
    x = method.run(SynthesisContext(subject, tmp_path))["samples"]
    assert float(x.var()) == pytest.approx(0.2**2 / (1 - 0.9**2), rel=0.15)


def test_langevin_makes_classes_and_other_seeds_other_images(
    subject: SynthSubject, tmp_path: Path
) -> None:
    made = [
        Langevin(steps=80, step_class=2.0).run(
            SynthesisContext(subject, tmp_path / str(seed), seed=seed)
        )
        for seed in (0, 0, 1)
    ]
    free = Langevin(steps=80, step_class=0).run(SynthesisContext(subject, tmp_path / "free"))
    assert all(
        image["probability"] > other["probability"]
        for image, other in zip(made[0]["images"], free["images"], strict=True)
    )
    assert torch.equal(made[0]["samples"], made[1]["samples"])
    assert not torch.equal(made[0]["samples"], made[2]["samples"])


@pytest.mark.parametrize("parameterization", [None, Fourier])
def test_a_dream_makes_its_layer_louder_at_any_size(
    subject: SynthSubject, tmp_path: Path, parameterization: type | None
) -> None:
    options = {} if parameterization is None else {"parameterization": parameterization}
    context = SynthesisContext(
        subject, tmp_path, size=[40, 31], keep_every=5, animate=True, **options
    )
    made = Dream(octaves=3, steps=5).run(context)
    context.finish()
    assert made["activity_after"] > 1.2 * made["activity_before"]
    with Image.open(tmp_path / "dream.png") as picture:
        assert picture.size == (31, 40)
    assert len(list((tmp_path / "steps").glob("*.png"))) == 3
    with Image.open(tmp_path / "steps.gif") as animation:
        assert animation.n_frames == 3


def test_octaves_grow_to_the_full_size() -> None:
    assert octave_sizes((100, 50), 3, 2.0) == [(25, 12), (50, 25), (100, 50)]
    assert octave_sizes((10,), 3, 2.0) == [(8,), (8,), (10,)]


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_style_is_taken_on(tmp_path: Path, optimizer: str) -> None:
    rng = np.random.default_rng(0)
    stripes = np.tile(np.where(np.arange(40) % 4 < 2, 255, 0), (40, 1)).astype(np.uint8)
    Image.fromarray(stripes).save(tmp_path / "style.png")
    Image.fromarray(rng.integers(0, 256, (24, 32), dtype=np.uint8)).save(tmp_path / "content.png")
    subject = drawn_subject()
    context = SynthesisContext(subject, tmp_path / "out", size=32)
    method = Style(
        str(tmp_path / "content.png"),
        [str(tmp_path / "style.png")],
        optimizer=optimizer,
        steps=8 if optimizer == "lbfgs" else 60,
    )
    made = method.run(context)
    assert made["loss_last"] < 0.7 * made["loss_first"]
    with Image.open(tmp_path / "out" / "style.png") as picture:
        assert picture.size == (32, 24)


def test_styles_are_mixed_by_their_shares(tmp_path: Path) -> None:
    """All of the first is the first alone; of halves, the result is nearer to either than the other
    one is.
    """
    across = np.tile(np.where(np.arange(32) % 4 < 2, 255, 0), (32, 1)).astype(np.uint8)
    files = {"across": across, "down": across.T.copy(), "content": np.full((32, 32), 128, np.uint8)}
    for name, array in files.items():
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    subject, made = drawn_subject(), {}
    for name, styles, shares in [
        ("across", ["across"], None),
        ("all across", ["across", "down"], [2.0, 0.0]),
        ("both", ["across", "down"], None),
        ("down", ["down"], None),
    ]:
        paths = [str(tmp_path / f"{style}.png") for style in styles]
        method = Style(
            str(tmp_path / "content.png"), paths, shares, content_weight=0.0, start="noise", steps=8
        )
        folder = tmp_path / name
        method.run(SynthesisContext(subject, folder))
        with Image.open(folder / "style.png") as picture:
            made[name] = np.asarray(picture, dtype=np.float64)
    assert np.array_equal(made["across"], made["all across"])

    def steps(name: str, axis: int) -> float:
        return float(np.abs(np.diff(made[name], axis=axis)).mean())

    lean = {name: steps(name, 1) / steps(name, 0) for name in ("across", "both", "down")}
    assert lean["across"] > lean["both"] > lean["down"]


def test_mistakes_are_told_in_one_message(context: SynthesisContext, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no 'class 7'"):
        class_indices(["class 7"], context.subject)
    with pytest.raises(UserError, match=r"method\.place is for segmentation"):
        ClassImages(place=[0.5, 0.5]).run(context)
    with pytest.raises(UserError, match=r"missing\.png cannot be read"):
        Dream(start=str(tmp_path / "missing.png")).run(context)
    with pytest.raises(UserError, match="at least one image"):
        Style("content.png", []).run(context)
    with pytest.raises(UserError, match=r"method\.steps must be >= 1"):
        Style("content.png", ["style.png"], steps=0).run(context)
    with pytest.raises(UserError, match="keep_every"):
        SynthesisContext(context.subject, tmp_path, keep_every=0)
    with pytest.raises(UserError, match=r"animate=true .* say keep_every=10 too"):
        SynthesisContext(context.subject, tmp_path, animate=True)


def test_a_number_that_names_a_class_is_its_name(subject: SynthSubject) -> None:
    assert class_indices([2, "class 1", 0], subject).tolist() == [2, 1, 0]
    assert class_indices(
        [20, "10", 1], replace(subject, class_names=("10", "20", "30"))
    ).tolist() == [1, 0, 1]
    counted = replace(subject, class_names=("1", "2", "3"))
    assert class_indices([1, 2], counted).tolist() == [0, 1]
    assert class_indices(None, counted).tolist() == [0, 1, 2]


def test_a_network_with_one_layer_or_none_is_dreamt_of_or_refused(tmp_path: Path) -> None:
    one = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2))
    made = Dream(octaves=1, steps=1, jitter=0).run(
        SynthesisContext(drawn_subject((1, 8, 8), 2, one), tmp_path)
    )
    assert made["layer"] == "1"
    none = SynthesisContext(
        drawn_subject((1, 4, 4), 2, nn.Sequential(nn.Flatten(), nn.Linear(16, 2))), tmp_path
    )
    np.save(tmp_path / "start.npy", np.zeros((1, 4, 4)))
    start = str(tmp_path / "start.npy")
    for method in (Dream(start=start), Style(start, [start])):
        with pytest.raises(UserError, match="more than one position, but this network has none"):
            method.run(none)


def test_memory_that_does_not_suffice_names_what_fits_which_is_less(
    context: SynthesisContext,
) -> None:
    with (
        pytest.raises(
            UserError, match=r"suffice for an image of this size; size=\[8,8\] would fit$"
        ),
        context.within_memory(),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory")
    context.check_memory((12, 12), Work(9))
    with (
        pytest.raises(UserError, match=r"suffice for 9 images at a time; 4 would fit"),
        context.within_memory(),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_signals_and_volumes_become_arrays_with_pictures(tmp_path: Path) -> None:
    for shape in ((2, 24), (1, 8, 8, 8)):
        subject = drawn_subject(shape)
        folder = tmp_path / str(len(shape))
        ClassImages(steps=2).run(SynthesisContext(subject, folder))
        saved = np.load(folder / "000_class_0.npy")
        assert saved.shape == shape
        assert saved.min() >= 0
        assert (folder / "000_class_0.png").is_file()
        signal = str(folder / "000_class_0.npy")
        assert (
            Style(signal, [signal], steps=1).run(SynthesisContext(subject, folder))["file"]
            == "style.npy"
        )
        assert np.load(folder / "style.npy").shape == shape


def test_a_second_network_says_what_it_sees(subject: SynthSubject) -> None:
    images = torch.randn(6, 1, 12, 12)
    seen = subject.logits(images).argmax(1)
    verdict = judge_images(subject, subject, images, seen)
    assert verdict["accuracy"] == 1
    assert judge_images(subject, subject, images, (seen + 1) % 3)["accuracy"] == 0
    check_judge(subject, subject)
    with pytest.raises(UserError, match="same classes"):
        check_judge(drawn_subject(num_classes=2), subject)


def test_a_size_that_does_not_get_through_the_network_is_told(tmp_path: Path) -> None:
    subject = drawn_subject((1, 4, 4), 2, nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))
    with pytest.raises(
        UserError, match=r"size must get through the network, but \(5, 5\) does not"
    ):
        ClassImages(steps=1).run(SynthesisContext(subject, tmp_path, size=5))


def test_several_images_of_a_class_are_others(subject: SynthSubject, tmp_path: Path) -> None:
    made = ClassImages(classes=[2, 0], count=2, steps=2).run(SynthesisContext(subject, tmp_path))
    assert [image["file"] for image in made["images"]] == [
        "002_class_2.png",
        "000_class_0.png",
        "002_class_2_1.png",
        "000_class_0_1.png",
    ]
    assert not torch.equal(made["samples"][0], made["samples"][2])
    with pytest.raises(UserError, match=r"method\.count must be >= 1"):
        ClassImages(count=0).run(SynthesisContext(subject, tmp_path))
