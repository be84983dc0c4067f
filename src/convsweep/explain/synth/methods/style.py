"""Neural style transfer: the content of one image in the style of others (Gatys et al. 2016)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from convsweep.errors import UserError
from convsweep.explain.synth import pictures
from convsweep.explain.synth.components.ascent import check_finite
from convsweep.explain.synth.components.objectives import content_loss, gram, style_loss
from convsweep.explain.synth.components.parameterization import Parameterization
from convsweep.explain.synth.components.priors import log_total_variation
from convsweep.explain.synth.context import SynthesisContext, Watch
from convsweep.explain.synth.fitting_size import Work
from convsweep.explain.synth.layers import activations, check_layers, layers_of, spread_out

# History size of L-BFGS; every entry is as large as the image.
HISTORY = 20


@dataclass(frozen=True)
class Style:
    """An image with the feature maps of the content and the Gram matrices of the styles.

    Attributes:
        content: An image file.
        styles: Image files; several are mixed.
        style_shares: weight of each style; null: equal.
        content_layers, style_layers: names; null: one at two thirds of the network, and five from
            the first to that one.
        style_weight, content_weight: of the two losses, which are relative to their targets.
        tv: weight of the total variation a pixel.
        style_size: longer side of the style images; null: as the content.
        start: `content` or `noise`.
        optimizer: `lbfgs` or `adam`.
        steps: of the optimiser; one step of L-BFGS evaluates the network up to 20 times.
        lr: step size; null: 1 for L-BFGS, 0.05 for Adam.
    """

    content: str
    styles: Sequence[str]
    style_shares: Sequence[float] | None = None
    content_layers: Sequence[str] | None = None
    style_layers: Sequence[str] | None = None
    content_weight: float = 1.0
    style_weight: float = 10.0
    tv: float = 0.01
    style_size: int | None = None
    start: Literal["content", "noise"] = "content"
    optimizer: Literal["lbfgs", "adam"] = "lbfgs"
    steps: int = 30
    lr: float | None = None

    def run(self, context: SynthesisContext) -> dict[str, Any]:
        """Make the picture, write it, and return the first and last loss.

        Raises:
            UserError: a file cannot be read, a layer does not exist, or an option is wrong.
        """
        if self.steps < 1:
            raise UserError(f"method.steps must be >= 1, but is {self.steps}")
        subject = context.subject
        content, style_layers = self.chosen_layers(context)
        shares = self.shares()
        picture = pictures.read(self.content, subject, context.size)
        size = self.style_size or max(picture.shape[2:])
        styles = [pictures.read(file, subject, size) for file in self.styles]
        copies = 2 * HISTORY if self.optimizer == "lbfgs" else 2
        context.check_memory(
            tuple(picture.shape[2:]), Work(until=[*content, *style_layers], copies=copies, peak=4)
        )
        with context.watch("style", self.steps) as watch:
            with torch.no_grad():
                contents = activations(subject, picture, content)
                found = [activations(subject, style, style_layers) for style in styles]
            grams = {
                name: (
                    torch.stack(
                        [
                            share * gram(maps[name])
                            for share, maps in zip(shares, found, strict=True)
                        ]
                    ).sum(0)
                )
                for name in style_layers
            }
            begin = (
                picture
                if self.start == "content"
                else context.noise(1, tuple(picture.shape[2:]), 0.5)
            )
            image = context.parameterization(begin, subject)
            losses = self.descend(image, contents, grams, context, watch)
        result = image.image().detach()
        file = pictures.save(result[0], subject, context.folder, "style")
        pictures.save_grid(
            [picture[0], *(style[0] for style in styles), result[0]],
            ["content", *["style"] * len(styles), "result"],
            subject,
            context.folder / "grid.png",
        )
        return {
            "file": file.name,
            "content_layers": content,
            "style_layers": style_layers,
            "loss_first": losses[0],
            "loss_last": losses[-1],
        }

    def chosen_layers(self, context: SynthesisContext) -> tuple[list[str], list[str]]:
        """Return the layers of content and style.

        Raises:
            UserError: one does not exist.
        """
        layers = layers_of(context.subject)
        front = layers[: max(1, round(len(layers) * 2 / 3))]
        content = check_layers(
            self.content_layers or spread_out(front, 2)[-1:], layers, "method.content_layers"
        )
        return content, check_layers(
            self.style_layers or spread_out(front, 5), layers, "method.style_layers"
        )

    def shares(self) -> list[float]:
        """Return the weights of the styles, which sum to 1.

        Raises:
            UserError: there is no style, or the number of shares differs.
        """
        if not self.styles:
            raise UserError(
                "method.styles must name at least one image; say method.styles=[painting.jpg]"
            )
        shares = [1.0] * len(self.styles) if self.style_shares is None else list(self.style_shares)
        if len(shares) != len(self.styles) or min(shares) < 0 or sum(shares) <= 0:
            raise UserError(
                f"method.style_shares must be {len(self.styles)} numbers >= 0, one a style, but is"
                f" {shares}"
            )
        return [share / sum(shares) for share in shares]

    def descend(
        self,
        image: Parameterization,
        contents: dict[str, Tensor],
        grams: dict[str, Tensor],
        context: SynthesisContext,
        watch: Watch,
    ) -> list[float]:
        """Change the image step by step and return the loss before each step."""
        names = list(dict.fromkeys([*contents, *grams]))

        def closure() -> Tensor:
            optimizer.zero_grad()
            u = image.image()
            maps = activations(context.subject, u, names)
            smooth = -log_total_variation(u).sum() / u.numel()
            loss = (
                self.content_weight * content_loss(maps, contents)
                + self.style_weight * style_loss(maps, grams)
                + self.tv * smooth
            )
            loss.backward()
            return loss

        optimizer = self.make_optimizer(image)
        losses = []
        for _ in range(self.steps):
            loss = optimizer.step(closure)
            check_finite(loss.detach())
            losses.append(float(loss.detach()))
            image.project()
            watch(image.image)
        return losses

    def make_optimizer(self, image: Parameterization) -> Any:
        """Return the optimiser."""
        if self.optimizer == "lbfgs":
            options: Any = {
                "max_iter": 20,
                "history_size": HISTORY,
                "line_search_fn": "strong_wolfe",
            }
            return torch.optim.LBFGS(image.parameters(), lr=self.lr or 1.0, **options)
        return torch.optim.Adam(image.parameters(), lr=self.lr or 0.05)
