"""A taught net is kept where it reads coins better that it did not learn from."""

import pytest

from coin_core.training.comparison import Comparison


@pytest.mark.parametrize(("after", "kept"), [(0.6, True), (0.7, False), (0.705, False)])
def test_a_taught_net_is_kept_only_if_it_reads_better(after, kept):
    result = Comparison(coins=40, before=0.7, after=after, error=0.01)
    assert result.is_kept is kept
