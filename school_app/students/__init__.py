"""Students, who may see them, their page, and notes on them."""
