"""Draws the pictures of `vlms` and lists them: `python -m tools.draw_pictures [DIRECTORY]`.

Run once: the pixels of the shipped files are pinned, and another version of matplotlib, FreeType or
Pillow may draw a few of them differently. A changed picture needs a new version of its workload.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon, Rectangle
from PIL import Image

from nobs.tasks.vlms.pictures import pixel_digest
from tools.draw_scenes import balls, draw_scene, lake
from tools.shapes import COLOURS, SHAPES, choose_shapes, draw_shapes

FILES = Path(__file__).resolve().parent.parent / "nobs" / "tasks" / "vlms" / "files"
SIDES = (448, 896, 1344)
INCHES, PALETTE, THUMBNAIL = 4.48, 256, 96
QUICK_SEED, QUICK_SIDE = 2024, 448
# A projector that was trained too little takes large circles and stars for squares.
QUICK = (
    *((colour, shape) for colour in COLOURS for shape in ("circle", "star")),
    ("red", "square"),
    ("blue", "triangle"),
)
QUICK_RADIUS = (0.31, 0.35)
LENGTH = "Write at least 200 words."
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FRUIT = {"Apples": 18, "Pears": 22, "Plums": 41, "Cherries": 12, "Grapes": 7}
RECEIPT = (("Bread", "3.20"), ("Cheese", "6.75"), ("Tomatoes", "2.40"), ("Coffee", "8.90"))
INKS = {"red": "#d62020", "green": "#1f9e3a", "blue": "#2046d6", "orange": "#f08c00",
        "purple": "#8a2be2", "black": "#151515"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the list, and how its picture is drawn."""

    name: str
    question: str
    answers: tuple[str, ...]
    wrong: tuple[str, ...]
    open_question: str
    draw: Callable[[int], Image.Image]


def on_axes(paint: Callable[[Axes], None]) -> Callable[[int], Image.Image]:
    """Return what draws `paint` on square axes of 0..100 at any size."""

    def draw(side: int) -> Image.Image:
        figure = Figure(figsize=(INCHES, INCHES), dpi=side / INCHES, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 100), ylim=(0, 100))
        axes.axis("off")
        paint(axes)
        return from_canvas(figure)

    return draw


def from_canvas(figure: Figure) -> Image.Image:
    """Return what matplotlib drew, in 256 colours: a tenth of the bytes, and as clear."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return drawn.quantize(PALETTE, dither=Image.Dither.NONE)


def bar_chart(side: int) -> Image.Image:
    """Draw one bar per day, Thursday's the highest by far."""
    figure = Figure(figsize=(INCHES, INCHES), dpi=side / INCHES, layout="constrained")
    axes = figure.add_subplot()
    days = [day[:3] for day in DAYS[:5]]
    bars = axes.bar(days, [32, 45, 27, 88, 51], color="#3b6fb5", edgecolor="black")
    axes.bar_label(bars, fontsize=13)
    axes.set_title("Ice creams sold per day", fontsize=16)
    axes.set_ylabel("Number sold", fontsize=14)
    axes.set_ylim(0, 100)
    axes.tick_params(labelsize=14)
    return from_canvas(figure)


def pie_chart(side: int) -> Image.Image:
    """Draw the shares of five kinds of fruit."""
    figure = Figure(figsize=(INCHES, INCHES), dpi=side / INCHES, layout="constrained")
    axes = figure.add_subplot()
    colours = ["#f4845f", "#b5d06a", "#bfa2db", "#f28482", "#7cc0ea"]
    axes.pie(
        list(FRUIT.values()), labels=list(FRUIT), colors=colours, autopct="%d %%", startangle=60,
        pctdistance=0.72, textprops={"fontsize": 13},
        wedgeprops={"edgecolor": "white", "linewidth": 2},
    )  # fmt: skip
    axes.set_title("Fruit sold in May", fontsize=17)
    return from_canvas(figure)


def sign(axes: Axes) -> None:
    """Print the sign of a ferry."""
    axes.add_patch(Rectangle((4, 8), 92, 84, facecolor="#0b3d6b", edgecolor="black", linewidth=3))
    for height, size, text in ((76, 25, "FERRY TO WESTCLIFF"), (56, 21, "Departs daily at 14:35")):
        axes.text(50, height, text, color="white", fontsize=size * 0.82, ha="center", weight="bold")
    axes.add_patch(Rectangle((24, 17), 52, 27, facecolor="#ffd23f", edgecolor="none"))
    axes.text(50, 30, "PIER 7", color="black", fontsize=34, ha="center", va="center", weight="bold")


def receipt(axes: Axes) -> None:
    """Print the receipt of a shop."""
    axes.add_patch(Rectangle((0, 0), 100, 100, facecolor="#8d99a6"))
    axes.add_patch(Rectangle((12, 4), 76, 92, facecolor="#fffdf5", edgecolor="#555555"))
    axes.text(50, 85, "CORNER SHOP", fontsize=20, ha="center", family="monospace", weight="bold")
    axes.text(50, 78, "12 Mill Road", fontsize=13, ha="center", family="monospace")
    style = {"fontsize": 15, "family": "monospace"}
    for number, (thing, price) in enumerate(RECEIPT):
        axes.text(18, 65 - 10 * number, thing, **style)
        axes.text(82, 65 - 10 * number, price, ha="right", **style)
    axes.plot([18, 82], [29, 29], color="black", linewidth=2)
    axes.text(18, 18, "TOTAL", fontsize=19, family="monospace", weight="bold")
    axes.text(82, 18, "21.25", fontsize=19, family="monospace", weight="bold", ha="right")


def polygon(x: float, y: float, size: float, corners: int, inner: float = 1) -> Polygon:
    """Return a polygon that points up; `inner` below 1 makes a star of it."""
    count = corners if inner == 1 else 2 * corners
    turns = np.arange(count) * 2 * np.pi / count
    radius = np.where(np.arange(count) % 2 == 1, inner, 1.0) * size
    return Polygon(np.stack([x + radius * np.sin(turns), y + radius * np.cos(turns)], 1))


def counted(axes: Axes) -> None:
    """Draw four triangles among circles and squares."""
    for x, y, ink in ((20, 78, "blue"), (76, 50, "red"), (30, 20, "green"), (52, 82, "orange")):
        axes.add_patch(polygon(x, y, 13, 3)).set_facecolor(INKS[ink])
    for x, y, ink in ((20, 48, "red"), (82, 20, "blue")):
        axes.add_patch(Circle((x, y), 10, facecolor=INKS[ink]))
    for x, y, ink in ((74, 74, "green"), (42, 40, "purple"), (48, 10, "black")):
        axes.add_patch(Rectangle((x, y), 16, 16, facecolor=INKS[ink]))


def quarters(axes: Axes) -> None:
    """Draw a shape into each quarter, the star in purple."""
    axes.plot([50, 50], [0, 100], color="#777777", linewidth=2)
    axes.plot([0, 100], [50, 50], color="#777777", linewidth=2)
    axes.add_patch(Circle((25, 75), 17, facecolor=INKS["green"]))
    axes.add_patch(Rectangle((59, 59), 32, 32, facecolor=INKS["red"]))
    axes.add_patch(polygon(25, 22, 20, 3)).set_facecolor(INKS["blue"])
    axes.add_patch(polygon(75, 24, 21, 5, inner=0.42)).set_facecolor(INKS["purple"])


def others(kinds: tuple[str, ...], right: str) -> tuple[str, ...]:
    """Return the rest of a set."""
    return tuple(kind for kind in kinds if kind != right)


def scene(draw: Callable[..., object]) -> Callable[[int], Image.Image]:
    """Return what draws a photo-like scene."""
    return lambda side: Image.fromarray(draw_scene(draw, side))


COLOUR_NAMES = ("red", "green", "blue", "yellow", "orange", "purple", "black", "white", "brown",
                "pink", "grey", "gray")  # fmt: skip
THINGS = ("boat", "bridge", "house", "car", "train", "bird", "tree")
BALLOON = ("balloon", "hot-air balloon")
ROWS = (
    Row(
        name="bar-chart", draw=bar_chart, answers=("Thursday", "Thu"),
        wrong=(*others(DAYS, "Thursday"), *(day[:3] for day in DAYS if day != "Thursday")),
        question="On which day were the most ice creams sold? Answer with the day only.",
        open_question=f"Describe this chart bar by bar and explain what it shows. {LENGTH}",
    ),
    Row(
        name="pie-chart", draw=pie_chart, answers=("Plums", "Plum"),
        wrong=("Apples", "Apple", "Pears", "Pear", "Cherries", "Cherry", "Grapes", "Grape"),
        question="Which fruit has the largest share? Answer with its name only.",
        open_question=f"Describe this chart slice by slice and compare the shares. {LENGTH}",
    ),
    Row(
        name="sign", draw=on_axes(sign), answers=("7",), wrong=(),
        question="What is the number of the pier? Answer with the number only.",
        open_question=f"Describe this sign, its text, colours and layout, and its use. {LENGTH}",
    ),
    Row(
        name="receipt", draw=on_axes(receipt), answers=("21.25",), wrong=(),
        question="What is the total of this receipt? Answer with the number only.",
        open_question=f"Go through this receipt line by line and describe how it looks. {LENGTH}",
    ),
    Row(
        name="triangles", draw=on_axes(counted), answers=("4",), wrong=(),
        question="How many triangles are in this picture? Answer with the number only.",
        open_question=f"Describe every shape in this picture, its colour and its place. {LENGTH}",
    ),
    Row(
        name="quarters", draw=on_axes(quarters), answers=("purple", "violet"),
        wrong=others(COLOUR_NAMES, "purple"),
        question="What is the colour of the star? Answer with the colour only.",
        open_question=f"Describe the four parts of this picture and how they differ. {LENGTH}",
    ),
    Row(
        name="balls", draw=scene(balls), answers=("green",), wrong=others(COLOUR_NAMES, "green"),
        question="What is the colour of the largest ball? Answer with the colour only.",
        open_question=f"Describe this scene: objects, places, light, shadows, ground. {LENGTH}",
    ),
    Row(
        name="lake", draw=scene(lake), answers=BALLOON, wrong=THINGS,
        question="Which of these is in the picture: boat, bridge, house, car, balloon, train, "
        "bird or tree? Answer with one word.",
        open_question=f"Describe this landscape from the foreground to the sky. {LENGTH}",
    ),
)  # fmt: skip


def quick_rows() -> Iterator[Row]:
    """Yield pictures like those that the projector was trained on, from another seed."""
    random = np.random.default_rng(QUICK_SEED)
    shapes = choose_shapes(random, len(QUICK))
    radius = random.uniform(*QUICK_RADIUS, len(QUICK)).astype(np.float32)
    kinds = (*COLOURS, *SHAPES)
    for number, (colour, shape) in enumerate(QUICK):
        one = shapes[slice(number, number + 1)]
        one = replace(
            one,
            colour=np.array([list(COLOURS).index(colour)]),
            shape=np.array([SHAPES.index(shape)]),
            radius=radius[[number]],
            # Colours that nobody would call by another name.
            tint=one.tint / 4,
        )
        yield Row(
            name=f"{colour}-{shape}",
            draw=lambda side, one=one: Image.fromarray(
                np.round(draw_shapes(one, side)[0] * 255).astype(np.uint8)
            ),
            question="What is in the picture?",
            answers=(f"{colour} {shape}",),
            wrong=tuple(kind for kind in kinds if kind not in (colour, shape)),
            open_question="Describe the picture.",
        )


def save(row: Row, side: int, directory: Path) -> dict[str, object]:
    """Write the picture as PNG and return its line of the list."""
    picture = row.draw(side)
    file = directory / f"{row.name}-{side}.png"
    picture.save(file, optimize=True)
    line = asdict(replace(row, draw=None))
    del line["draw"]
    digest = pixel_digest(picture.convert("RGB"))
    return {**line, "file": file.name, "size": picture.size, "sha256": digest}


def save_thumbnail(file: Path, name: str) -> None:
    """Write a small copy, which the report's page shows."""
    with Image.open(file) as picture:
        small = picture.convert("RGB").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    small.quantize(PALETTE).save(file.with_name(f"{name}-thumb.png"), optimize=True)


def main() -> None:
    """Write pictures and lists."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else FILES
    directory.mkdir(parents=True, exist_ok=True)
    lists = {
        "pictures.jsonl": [(row, side) for side in SIDES for row in ROWS],
        "drawn-pictures.jsonl": [(row, QUICK_SIDE) for row in quick_rows()],
    }
    for name, rows in lists.items():
        lines = [json.dumps(save(row, side, directory)) for row, side in rows]
        (directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        for row, side in rows:
            if side == min(SIDES):
                save_thumbnail(directory / f"{row.name}-{side}.png", row.name)


if __name__ == "__main__":
    main()
