"""The demo: a seeded trading day in a temporary house, checked exactly at its end."""
