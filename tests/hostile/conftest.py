"""The command line as the tests of `cli` have it."""

from tests.cli.conftest import cli, project, services, services_url

__all__ = ["cli", "project", "services", "services_url"]
