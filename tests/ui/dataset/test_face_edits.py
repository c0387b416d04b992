"""Crop geometry: whatever is done to the faces, they stay faces of that photo."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coin_core.catalog import CatalogFace
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.results import Side
from ui.dataset import face_edits

fractions = st.floats(0, 1, allow_nan=False)
turns = st.floats(-720, 720, allow_nan=False)


@st.composite
def boxes(draw: st.DrawFn) -> RotatedBox:
    left, top = draw(st.floats(0, 0.9)), draw(st.floats(0, 0.9))
    return RotatedBox(
        left=left,
        top=top,
        right=draw(st.floats(left + 0.05, 1.0)),
        bottom=draw(st.floats(top + 0.05, 1.0)),
        turn_deg=draw(st.floats(-179, 180)),
    )


faces_of_a_photo = st.lists(
    st.builds(CatalogFace, box=boxes(), side=st.sampled_from([*Side, None])),
    max_size=4,
).map(tuple)
sizes = st.integers(16, 4096)


@given(faces_of_a_photo, sizes, sizes)
def test_a_split_gives_two_halves_that_touch_and_together_cover_the_faces(
    faces: tuple[CatalogFace, ...], width: int, height: int
) -> None:
    first, second = face_edits.split(faces, width, height)
    boxes = [face.box for face in faces] or [face_edits.WHOLE_PHOTO]
    assert first.box.left == min(box.left for box in boxes)
    assert first.box.top == min(box.top for box in boxes)
    assert second.box.right == max(box.right for box in boxes)
    assert second.box.bottom == max(box.bottom for box in boxes)
    side_by_side = first.box.right == second.box.left
    one_above_the_other = first.box.bottom == second.box.top
    assert side_by_side or one_above_the_other
    assert first.side is None
    assert second.side is None


def test_a_split_cuts_across_the_longer_side_in_pixels() -> None:
    wide = face_edits.split((), 600, 300)
    tall = face_edits.split((), 300, 600)
    assert [face.box.left for face in wide] == [0.0, 0.5]
    assert [face.box.top for face in tall] == [0.0, 0.5]


@given(faces_of_a_photo, turns)
def test_a_turn_and_its_opposite_leave_the_faces_as_they_were(
    faces: tuple[CatalogFace, ...], by_deg: float
) -> None:
    back = face_edits.rotate(face_edits.rotate(faces, by_deg), -by_deg)
    for before, after in zip(faces, back, strict=False):
        apart = (before.box.turn_deg - after.box.turn_deg) % 360
        assert min(apart, 360 - apart) < 1e-6
        assert (before.box.left, before.side) == (after.box.left, after.side)


@given(turns)
def test_every_turn_is_cached_between_minus_180_and_180(degrees: float) -> None:
    turn = face_edits.normalize_turn(degrees)
    assert -180 < turn <= 180


@given(faces_of_a_photo)
def test_four_quarter_turns_are_none(faces: tuple[CatalogFace, ...]) -> None:
    turned = faces
    for _ in range(4):
        turned = face_edits.rotate(turned, 90)
    for before, after in zip(faces, turned, strict=False):
        assert after.box.turn_deg == pytest.approx(before.box.turn_deg)


def test_a_turn_of_a_photo_without_faces_makes_one_of_the_whole_photo() -> None:
    (face,) = face_edits.rotate((), 90)
    assert face.box == RotatedBox(left=0, top=0, right=1, bottom=1, turn_deg=90)


def test_swapping_twice_is_swapping_not_at_all() -> None:
    faces = (
        CatalogFace(box=face_edits.WHOLE_PHOTO, side=Side.LEGEND),
        CatalogFace(box=face_edits.WHOLE_PHOTO, side=Side.CORNUCOPIA),
    )
    once = face_edits.swap_sides(faces)
    assert [face.side for face in once] == [Side.CORNUCOPIA, Side.LEGEND]
    assert face_edits.swap_sides(once) == faces


@pytest.mark.parametrize(
    ("sides", "after"),
    [
        ((Side.LEGEND,), (Side.CORNUCOPIA,)),
        ((Side.CORNUCOPIA,), (Side.LEGEND,)),
        ((None,), (Side.LEGEND,)),
        ((None, None), (Side.LEGEND, Side.CORNUCOPIA)),
        ((Side.LEGEND, Side.LEGEND), (Side.CORNUCOPIA, Side.LEGEND)),
        ((), ()),
    ],
)
def test_swapping_decides_where_nothing_was_decided(
    sides: tuple[Side | None, ...], after: tuple[Side | None, ...]
) -> None:
    faces = tuple(CatalogFace(box=face_edits.WHOLE_PHOTO, side=side) for side in sides)
    assert tuple(face.side for face in face_edits.swap_sides(faces)) == after


@given(faces_of_a_photo, boxes(), st.integers(0, 5))
def test_a_drawn_box_replaces_one_face_or_adds_one(
    faces: tuple[CatalogFace, ...], box: RotatedBox, at: int
) -> None:
    after = face_edits.with_box(faces, box, at)
    assert len(after) == len(faces) + (at >= len(faces))
    assert after[min(at, len(faces))].box == box
    if at < len(faces):
        assert after[at].side is faces[at].side
        assert face_edits.without(after, at) == face_edits.without(faces, at)
