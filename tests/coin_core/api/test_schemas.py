"""Requests that schemathesis makes up from the OpenAPI document."""

from __future__ import annotations

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from coin_core.api.app import Service
from tests.coin_core.api.conftest import TOKEN, StubClassifier, listen
from tests.serving import PATIENCE_S

# What is valid by the document may still name no classifier, or be no bundle.
CHECKED = [check for check in CHECKS.get_all() if "positive" not in check.__name__]
LABELS = [
    *("POST /classify", "GET /classifiers", "GET /health", "GET /ready"),
    *("GET /models", "POST /models", "POST /models/roll-back"),
    *("POST /models/{name}/activate", "POST /models/{name}/deactivate"),
]

schemathesis.serializer.alias("application/zip", "application/octet-stream")


@pytest.fixture(scope="module")
def operations():
    with listen(Service(StubClassifier())) as server:
        document = schemathesis.openapi.from_url(f"{server.url}/api/openapi.json")
        found = [result.ok() for result in document.get_all_operations()]
        yield {operation.label: operation for operation in found}


def test_every_operation_is_tried(operations):
    assert list(operations) == LABELS


@pytest.mark.slow
@pytest.mark.parametrize("label", LABELS)
def test_every_answer_is_one_that_the_document_names(label, operations, monkeypatch):
    monkeypatch.setenv("COIN_ADMIN_TOKEN", TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"} if "models" in label else {}
    operation = operations[label]
    cases = strategies.one_of(
        *(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    )

    @hypothesis.given(cases)
    @hypothesis.settings(max_examples=50)
    def try_case(case):
        case.call_and_validate(headers=headers, checks=CHECKED, timeout=PATIENCE_S)

    try_case()
