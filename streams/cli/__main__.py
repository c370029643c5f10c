"""`python -m streams.cli`, for child processes."""

from streams.cli.app import main

if __name__ == "__main__":
    main()
