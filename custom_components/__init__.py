"""Where Home Assistant looks for integrations; the tests import it as a package."""
