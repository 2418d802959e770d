"""The shop's books as files that accountants and their programs open."""
