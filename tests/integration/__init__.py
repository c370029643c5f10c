"""Whole workers on a real broker."""

import pytest

# Helpers assert for the tests: without this a failure would not say what differs.
pytest.register_assert_rewrite("tests.integration.checks")
