from tests.ui.dataset.dataset_page import catalog, empty  # noqa: F401
