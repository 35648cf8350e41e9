import pytest
from PIL import Image

from nobs.tasks.vlms.answers import is_right
from nobs.tasks.vlms.pictures import Picture


def asked(*answers: str, wrong: tuple[str, ...] = ()) -> Picture:
    return Picture(
        name="asked", image=Image.new("RGB", (1, 1)), sha256="", question="?", answers=answers,
        wrong=wrong, open_question="?",
    )  # fmt: skip


COLOUR = asked("green", wrong=("red", "blue"))
DAY = asked("Thursday", "Thu", wrong=("Friday", "Fri"))
BALLOON = asked("balloon", "hot-air balloon", wrong=("boat",))
STAR = asked("green star", wrong=("red", "circle"))
SEVEN, PRICE, FOUR = asked("7"), asked("21.25"), asked("4")


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        ("Green", COLOUR), ("**GREEN**.", COLOUR), ("The largest ball is green.", COLOUR),
        ("It's the green one", COLOUR), ("Thu", DAY), ("On Thursday's bar: thursday", DAY),
        ("A hot air balloon!", BALLOON), ("balloon", BALLOON), ("A green star. A green", STAR),
        ("7", SEVEN), ("Pier 7.", SEVEN), ("seven", SEVEN), ("07", SEVEN), ("7.0", SEVEN),
        ("$21.25", PRICE), ("21,25 €", PRICE), ("The total is 21.25.", PRICE),
        ("There are four triangles.", FOUR), ("4", FOUR), ("The only one: 4", FOUR),
    ],
)  # fmt: skip
def test_right(text: str, picture: Picture) -> None:
    assert is_right(text, picture)


@pytest.mark.parametrize(
    ("text", "picture"),
    [
        ("", COLOUR), ("red", COLOUR), ("green or red", COLOUR), ("greenish", COLOUR),
        ("evergreen", COLOUR), ("I can't see an image.", COLOUR), ("Friday", DAY),
        ("Thursday or Friday", DAY), ("a boat below a balloon", BALLOON), ("green circle", STAR),
        ("star, green", STAR), ("a green square", STAR), ("a red star", STAR),
        ("8", SEVEN), ("17", SEVEN), ("7 or 8", SEVEN), ("7 at 14:35", SEVEN), ("7.5", SEVEN),
        ("seventy", SEVEN), ("2125", PRICE), ("21.3", PRICE), ("8.90 + 21.25", PRICE),
        ("21.250", PRICE), ("3 or four", FOUR), ("four of nine", FOUR), ("fourteen", FOUR),
    ],
)  # fmt: skip
def test_wrong(text: str, picture: Picture) -> None:
    assert not is_right(text, picture)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("1,234", "1234"), ("1.234,50", "1234.5"), ("1,234.50", "1234.5"), ("0.125", "0.125")],
)
def test_numbers_are_written_in_several_ways(text: str, answer: str) -> None:
    assert is_right(text, asked(answer))
