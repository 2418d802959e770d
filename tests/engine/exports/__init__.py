"""The shop's books as files: opened again by other programs and compared."""
