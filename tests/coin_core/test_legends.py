import numpy as np
import pytest

from coin_core.legends import draw_legend
from coin_core.rulers import DEFAULT_CLASSES, HEBREW_TO_LETTER, RULERS


def keys(hebrew: str) -> tuple[str, ...]:
    return tuple(HEBREW_TO_LETTER[sign] for sign in hebrew)


@pytest.fixture(scope="module", params=DEFAULT_CLASSES)
def drawn(request):
    """A ruler's key and 150 of his legends."""
    rngs = map(np.random.default_rng, range(150))
    return request.param, [draw_legend(rng, request.param) for rng in rngs]


def test_every_legend_begins_with_an_attested_name(drawn):
    ruler, legends = drawn
    names = {keys(name) for name, _ in RULERS[ruler].legend_frequencies.names}
    for legend in legends:
        assert sum(legend.lines, ())[: legend.name_letters] in names
        assert tuple(map(keys, legend.text())) == legend.lines


def test_legends_fill_the_field_in_lines(drawn):
    for legend in drawn[1]:
        assert 4 <= len(legend.lines) <= 6
        assert all(legend.lines)
        assert 15 <= sum(map(len, legend.lines)) <= 30


def test_attested_layouts_are_among_them(drawn):
    ruler, legends = drawn
    layouts = {tuple(map(keys, layout.lines)) for layout in RULERS[ruler].layouts}
    fraction = RULERS[ruler].legend_frequencies.layouts
    count = sum(legend.lines in layouts for legend in legends)
    assert fraction * 150 - 25 < count < fraction * 150 + 25


def test_frequent_layouts_are_drawn_often(drawn):
    ruler, legends = drawn
    layouts = RULERS[ruler].layouts
    most = max(layouts, key=lambda layout: layout.weight)
    share = most.weight / sum(layout.weight for layout in layouts)
    expected = 150 * share * RULERS[ruler].legend_frequencies.layouts
    count = sum(one.lines == tuple(map(keys, most.lines)) for one in legends)
    assert 0.5 * expected < count < 1.7 * expected


def test_only_hyrcanus_has_the_greek_a(drawn):
    ruler, legends = drawn
    count = sum(legend.greek_a for legend in legends)
    assert 45 < count < 85 if ruler == "john_hyrcanus_i" else count == 0


def test_the_same_seed_gives_the_same_legend(drawn):
    ruler, legends = drawn
    assert draw_legend(np.random.default_rng(7), ruler) == legends[7]
    assert len({legend.lines for legend in legends}) > 20
