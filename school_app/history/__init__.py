"""The history as people read it: its pages in names and words, its exports, and who has seen a child."""
