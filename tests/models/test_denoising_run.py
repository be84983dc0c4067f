"""A denoiser through the whole program: data, training, pictures, record and checkpoint."""

import json

import pytest
import torch
from tests.conftest import Train

from convsweep.training.build import load_model

RUN = [
    "model=denoising",
    "data=signals",
    "data.length=256",
    "data.num_train=16",
    "data.num_val=4",
    "data.num_test=4",
    "data.batch_size=8",
    "logger=none",
    "trainer=cpu",
    "trainer.max_epochs=2",
]


@pytest.mark.parametrize(
    "net",
    [["model.net.depth=2", "model.net.width=4"], ["model/net=dilated_1d", "model.net.width=4"]],
    ids=["unet", "stack"],
)
def test_run_leaves_scores_sounds_and_a_checkpoint_that_cleans(
    train: Train, net: list[str]
) -> None:
    run = train(
        *RUN, *net, "model.stft_weight=0.5", "model.stft_resolutions=[[64,16,64]]", quick=False
    )
    result = json.loads((run / "result.json").read_text())
    assert result["outcome"] == "complete"
    assert result["objectives"].keys() == {"val/si_snr_improvement"}
    assert {
        "test/si_snr",
        "test/snr",
        "test/si_snr_improvement",
        "test/snr_improvement",
        "test/loss",
    } == set(result["test"])
    assert len(list((run / "pictures" / "recordings_val").glob("*.wav"))) == 12
    model = load_model(run / "checkpoints" / "best.ckpt")
    assert (model.info.task, model.info.sample_rate_hz) == ("denoising", 8000)
    silence = torch.zeros(1, 1, 1000)
    assert torch.equal(model.predict_batch(silence)["denoised"], silence)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["model=classification"],
            "the model is for classification, but the data is for denoising; use model=denoising",
        ),
        (
            ["model/net=cnn_small"],
            (
                "a denoising net must return a signal of the size it gets, 1x256, but the net"
                " returns 1"
            ),
        ),
        (["data.noise=[white,hum]"], "data.noise holds 'hum', which is no noise"),
        (["model.waveform_loss=l3"], "model.waveform_loss must be one of l1, l2, none"),
    ],
)
def test_mistake_is_one_message_before_training(
    train: Train, overrides: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train(*RUN, *overrides, quick=False)
    said = capsys.readouterr()
    assert message in said.err + said.out
    assert "Traceback" not in said.err
