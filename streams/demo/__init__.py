"""The demo: a whole seeded trading day in a temporary house, with an oracle that checks the end exactly."""
