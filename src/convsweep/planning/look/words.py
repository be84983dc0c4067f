"""A look at the data in words."""

from convsweep.nets.geometry import shape_text
from convsweep.planning.look.duplicates import MOST_COMPARED
from convsweep.planning.look.faults import count_of
from convsweep.planning.look.look import Look

# Classes that a line lists; it counts the others.
MOST_CLASSES = 12
MOST_ANSWERS = 50
BLEND = "if pictures need it, save them on a background"
WORDS = {1: "signals", 2: "images", 3: "volumes"}


def describe(look: Look) -> str:
    """Return what the data is, in one line."""
    kind = WORDS[len(look.in_shape) - 1]
    varies = any(low != high for low, _, high in look.sizes)
    size = [middle for _, middle, _ in look.sizes] if varies else look.in_shape[1:]
    classes = f", {len(look.class_names)} classes" if look.counts else ""
    channels = look.in_shape[0]
    about = "about " if varies else ""
    with_channels = f"{channels} channel{'s' if channels > 1 else ''}"
    shape = f"{about}{shape_text(size)} with {with_channels}"
    return f"{look.total:,} {kind} of {shape}, {look.task}{classes}"


def answer_text(look: Look) -> str:
    """Return what a network for the data answers, in words."""
    names = list(look.class_names)
    if look.numbers:
        names = [
            f"{name} (in the data {low:.4g} to {high:.4g})"
            for name, (low, _, high) in zip(names, look.numbers, strict=True)
        ]
    named = ", ".join(names[:MOST_ANSWERS]) + (", ..." if len(names) > MOST_ANSWERS else "")
    if look.kind.has_several_labels:
        return f"any number of these, or none: {named}"
    if look.kind.gives_signals:
        return "a sample of the input's shape"
    return f"one of these at each position: {named}" if look.kind.has_masks else named


def look_rows(look: Look) -> list[tuple[str, str]]:
    """Return what there is: pairs of a name and a text."""
    parts = ", ".join(f"{count:,} {part}" for part, count in look.num_samples.items())
    rows = [("data", describe(look)), ("parts", parts)]
    if look.counts:
        rows.append(("classes", class_text(look)))
    if look.legend:
        rows.append(("values in masks", look.legend))
    if look.numbers:
        named = zip(look.class_names, look.numbers, strict=True)
        text = ", ".join(f"{name} {a:.4g} to {c:.4g} (median {b:.4g})" for name, (a, b, c) in named)
        rows.append(("numbers", text))
    for name, sizes in (("sizes of files", look.file_sizes), ("sizes", look.sizes)):
        if any(low != high for low, _, high in sizes):
            text = ", ".join(f"{low} to {high} (median {middle})" for low, middle, high in sizes)
            rows.append((name, text))
    if look.num_alpha:
        files = count_of(look.num_alpha, "file")
        rows.append(("transparency", f"the alpha channel of {files} is left out: {BLEND}"))
    if look.spacing:
        text = ", ".join(f"{low:.3g} to {high:.3g} ({mid:.3g})" for low, mid, high in look.spacing)
        rows.append(("spacing in mm, by axis (median)", text))
    channels = zip(look.mean, look.std, strict=True)
    means = ", ".join(f"{mean:.3g} ± {std:.3g}" for mean, std in channels)
    text = f"{look.low:.4g} to {look.high:.4g}; mean and standard deviation of each channel {means}"
    rows.append(("values", text))
    spread = f"{look.brightness_spread:.2g} times the standard deviation within samples"
    rows.append(("spread of the samples' means", spread))
    if len(look.in_shape) == 3 and look.total > MOST_COMPARED:
        rows.append(("nearly equal images", f"looked for among the first {MOST_COMPARED:,}"))
    for axes, test in look.mirrored.items():
        rows.append((axes, test.text))
    return rows


def class_text(look: Look) -> str:
    """Return the counts of the classes, or of masks the shares."""
    total = max(1, sum(look.counts))
    pairs = sorted(zip(look.class_names, look.counts, strict=True), key=lambda pair: -pair[1])
    if look.kind.has_masks:
        text = ", ".join(f"{name} ({count / total:.1%})" for name, count in pairs[:MOST_CLASSES])
    else:
        text = ", ".join(f"{name} ({count:,})" for name, count in pairs[:MOST_CLASSES])
    more = len(pairs) - MOST_CLASSES
    rest = f" and {more} more" if more > 0 else ""
    if look.imbalance == 1:
        return f"{text}{rest}; all equally frequent"
    return f"{text}{rest}; the most frequent {look.imbalance:.3g} times as frequent as the rarest"
