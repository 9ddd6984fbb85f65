"""The whole product under load: `make bench` starts it with generated schools and visits its pages."""
