"""A stand-in for NewStore that keeps the vendor's documented rules.

`Sandbox` is the core without HTTP; `SandboxServer`, `serving` and `serve` run it.
"""
