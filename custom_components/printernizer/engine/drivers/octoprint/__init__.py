"""OctoPrint: REST for questions and commands, one push line for what happens."""
