"""`python -m streams.cli`, for child processes."""

from streams.cli.main import main

if __name__ == "__main__":
    main()
