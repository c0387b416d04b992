from __future__ import annotations

from streamlit.testing.v1 import AppTest

from coin_core.training.prediction_store import picture_path
from tests.ui.training.history_page import CLASSES, make_run


def _matrix(rows, report, classes) -> None:
    from ui.training.confusion_view import show_confusion

    show_confusion(rows, report, classes)


def _mistakes(rows) -> None:
    from ui.training.confusion_view import show_mistakes

    show_mistakes(rows)


def show(function, **arguments: object) -> AppTest:
    page = AppTest.from_function(function, kwargs=arguments).run()
    assert not page.exception
    return page


def html_of(page: AppTest) -> str:
    return " ".join(part.value for part in page.get("html"))


def test_a_cell_opens_its_photos_and_a_deleted_crop_is_named() -> None:
    rows = make_run().predictions()
    picture_path(rows[0]["picture"]).unlink()
    page = show(_matrix, rows=rows, report={}, classes=CLASSES)
    assert page.button(key="cell_1_0").disabled  # no such mistake
    page.button(key="cell_0_1").click().run()
    assert "10 photos of John Hyrcanus I" in page.subheader[0].value
    assert "no longer kept" in html_of(page)


def test_without_predictions_the_counts_of_the_report_are_shown() -> None:
    report = make_run().report()["report"]
    page = show(_matrix, rows=[], report=report, classes=CLASSES)
    assert page.button(key="cell_0_1").label == "10"
    assert page.button(key="cell_0_1").disabled
    assert any("Only counts were kept" in one.value for one in page.caption)


def test_many_classes_have_menus_instead_of_buttons() -> None:
    rows = make_run().predictions()
    classes = (*CLASSES, *(f"class {i}" for i in range(5)))
    page = show(_matrix, rows=rows, report={}, classes=classes)
    assert not page.button
    assert list(page.dataframe[0].value["photos"]) == [10]
    page.selectbox[1].set_value(CLASSES[1]).run()
    assert "10 photos of John Hyrcanus I" in page.subheader[0].value


def test_mistakes_come_with_label_and_answer() -> None:
    page = show(_mistakes, rows=make_run().predictions())
    assert "is John Hyrcanus I<br>identified as <b>Judah Aristobulus I</b>" in html_of(
        page
    )
    page = show(_mistakes, rows=make_run(wrong_every=31).predictions()[1:])
    assert "There are no mistakes." in page.markdown[0].value
